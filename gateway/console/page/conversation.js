// The turns so far, in this page's memory only. What was stopped, failed or empty is no part of
// what the model is given with the next question.

export class Conversation {
  #turns = [];

  add(answer) { this.#turns.push(answer); }
  clear() { this.#turns = []; }
  get length() { return this.#turns.length; }

  /** The earlier turns, as /llm/generate takes them; undefined where there are none. */
  history() {
    const whole = this.#turns.filter((answer) => answer.isWhole);
    const turns = whole.flatMap(({ asked, written }) => [
      { role: "user", content: asked.prompt },
      { role: "assistant", content: written },
    ]);
    return turns.length ? turns : undefined;
  }
}
