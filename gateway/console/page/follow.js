// Follows an answer while it is written, as far as its beginning stays in view: that is read first.
// It goes on below where the reader asks for it, and stops where the reader scrolls up.

const NEAR_PX = 24;
const SPACE_PX = 8;
const end = () => document.documentElement.scrollHeight - innerHeight;

export class Follow {
  #isWriting = false;
  #isOn = false;
  #mayPass = false;
  #isByHand = false;
  #at = 0;

  /** Follow the growing `content`; `button` goes on below, `beginning` returns what stays in view. */
  constructor(content, button, beginning) {
    this.button = button;
    this.beginning = beginning;
    addEventListener("scroll", () => this.#scrolled(), { passive: true });
    for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      addEventListener(name, () => { this.#isByHand = true; }, { passive: true });
    }
    new ResizeObserver(() => this.#grown()).observe(content);
    button.addEventListener("click", () => this.#start(true));
  }

  begin() {
    this.#isWriting = true;
    this.#isByHand = false;
    scrollTo(0, Math.min(end(), this.#farthest()));
    this.#start(false);
  }

  end() {
    this.#grown();
    this.#isWriting = false;
    this.#show();
  }

  #start(mayPass) {
    this.#mayPass = mayPass;
    this.#isOn = true;
    this.#grown();
  }

  #scrolled() {
    if (scrollY < this.#at - 1) this.#isOn = false;
    if (scrollY >= end() - NEAR_PX) {
      this.#isOn = true;
      this.#mayPass ||= this.#isByHand && scrollY > this.#farthest() + 1;
    }
    this.#at = scrollY;
    this.#show();
  }

  #grown() {
    if (this.#isWriting && this.#isOn) {
      const to = Math.min(end(), this.#mayPass ? Infinity : this.#farthest());
      if (to > scrollY) scrollTo(0, to);
      this.#at = scrollY;
    }
    this.#show();
  }

  #farthest() {
    const beginning = this.beginning();
    if (!beginning) return Infinity;
    const top = document.querySelector(".top").offsetHeight + SPACE_PX;
    return scrollY + beginning.getBoundingClientRect().top - top;
  }

  #show() {
    this.button.hidden = !this.#isWriting || scrollY >= end() - NEAR_PX;
  }
}
