// Server-sent events: bytes arrive in pieces that know nothing of where an event ends.

/** Fed text as it comes; gives the data of each event that is whole. */
export class Events {
  #rest = "";
  #data = [];

  feed(text) {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#take(line));
  }

  #take(line) {
    if (line === "") {
      const whole = this.#data.join("\n");
      this.#data = [];
      return whole ? [whole] : [];
    }
    if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    return [];
  }
}
