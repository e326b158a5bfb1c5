// The turns so far, in this page's memory only. What was stopped, failed or empty is no part of
// what the model is given with the next question.

export class Conversation {
  #turns = [];
  #before = null; // the turns as they were, for an undo

  add(answer) { this.#turns.push(answer); }
  forget() { this.#before = null; }
  get length() { return this.#turns.length; }
  get turns() { return [...this.#turns]; }

  /** Take an answer and those after it away, or all; they are kept until a question goes on. */
  cut(answer = this.#turns[0]) {
    if (!this.length) return;
    this.#before = this.turns;
    this.#turns.length = Math.max(0, this.#turns.indexOf(answer));
  }

  /** Bring the turns back that the last cut took away; those that took their place go. */
  restore() {
    this.#turns = this.#before ?? this.#turns;
    this.#before = null;
  }

  /** The earlier turns, as /llm/generate takes them; undefined where there are none. */
  history() {
    const whole = this.#turns.filter((answer) => answer.isWhole);
    const turns = whole.flatMap(({ asked, written }) => [
      { role: "user", content: asked.prompt },
      { role: "assistant", content: written },
    ]);
    return turns.length ? turns : undefined;
  }

  /** All of it as a document: each question, its answer with its labels. */
  asText() {
    return this.#turns.map((answer) => `## ${answer.asked.prompt}\n\n${answer.asText()}\n`).join("\n");
  }
}
