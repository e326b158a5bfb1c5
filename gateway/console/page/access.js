// The access key: asked for before the first question where the gateway wants one, and tried before
// it is said to be set. It stays in memory.

import { byId } from "./dom.js";
import { hasKey, look, useKey } from "./gateway.js";

const TEXT = "Paste the key that you were given. It stays in this page’s memory and is gone when the page is closed.";

export class Access {
  #answer = () => {};
  #isTaken = false;

  /** `isRequired`: this gateway answers nobody without a key; `onChange`: another key is in use. */
  constructor(isRequired, onChange) {
    this.isRequired = isRequired;
    this.onChange = onChange;
    byId("key-open").addEventListener("click", () => this.ask());
    byId("key-forget").addEventListener("click", () => this.#forget());
    byId("key-dialog").addEventListener("close", () => this.#closed());
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#take(byId("key").value.trim());
    });
    this.#show();
  }

  get isMissing() { return this.isRequired && !hasKey(); }

  /** Ask for a key, and why; resolves to whether the gateway took one. */
  ask(why = "") {
    this.#answer(false);
    this.#isTaken = false;
    this.#say(why || TEXT, why !== "");
    byId("key-forget").hidden = !hasKey();
    byId("key").value = "";
    byId("key-dialog").showModal();
    return new Promise((resolve) => { this.#answer = resolve; });
  }

  async #take(text) {
    if (!text) return this.#say("There is no key in the field.", true);
    this.#say("Trying the key …", false);
    const refusal = await this.#refusal(text);
    if (refusal) {
      byId("key").select();
      return this.#say(refusal, true);
    }
    useKey(text);
    this.#isTaken = true;
    return byId("key-dialog").close();
  }

  /** Why the gateway does not take a key; nothing where it does, or cannot be asked. */
  async #refusal(text) {
    try {
      await look("v1/mmhie/model-card", { key: text });
    } catch (failure) {
      if (failure.status === 401) return failure.message;
    }
    return "";
  }

  #forget() {
    useKey("");
    this.#isTaken = false;
    byId("key-dialog").close();
  }

  #closed() {
    byId("key").value = "";
    this.#show();
    this.onChange();
    this.#answer(this.#isTaken);
  }

  #show() {
    byId("key-open").hidden = !this.isRequired && !hasKey();
    byId("key-open").textContent = hasKey() ? "Access key: set" : "Access key";
  }

  #say(sentence, isFailure) {
    byId("key-text").textContent = sentence;
    byId("key-text").classList.toggle("failed", isFailure);
  }
}
