// Follows an answer while it is written: until the reader scrolls up, and on when they are back at
// the end. A notice above the answer is not scrolled out of view by this: it is to be read first.

const NEAR_PX = 24;
const SPACE_PX = 8;
const end = () => document.documentElement.scrollHeight - innerHeight;

export class Follow {
  #isWriting = false;
  #isOn = false;
  #mayPass = false;
  #at = 0;

  /** Follow the growing `content`; `button` follows again, `notice` returns what must stay. */
  constructor(content, button, notice) {
    this.button = button;
    this.notice = notice;
    addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#grown()).observe(content);
    button.addEventListener("click", () => this.#start(true));
  }

  begin() {
    this.#isWriting = true;
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
    if (scrollY >= end() - NEAR_PX) this.#isOn = true;
    this.#at = scrollY;
    this.#show();
  }

  #grown() {
    if (this.#isWriting && this.#isOn) {
      const to = Math.min(end(), this.#farthest());
      if (to > scrollY) scrollTo(0, to);
      this.#at = scrollY;
    }
    this.#show();
  }

  #farthest() {
    const notice = this.#mayPass ? null : this.notice();
    if (!notice) return Infinity;
    const top = document.querySelector(".top").offsetHeight + SPACE_PX;
    return scrollY + notice.getBoundingClientRect().top - top;
  }

  #show() {
    this.button.hidden = !this.#isWriting || scrollY >= end() - NEAR_PX;
  }
}
