// One question and what came of it, as an article: notices first, then the answer, then its notice.

import { announce, byId, copy, make } from "./dom.js";
import { offerFeedback } from "./feedback.js";
import { blocks } from "./markdown.js";
import { showCode, showOrigin } from "./origin.js";
import { TRUNCATED, WARNINGS, moment, plain } from "./words.js";

const WITHOUT = "Follow-ups won’t include it.";

const HEADING_LENGTH = 60;

/** As much of a question as a list of headings has room for. */
function beginning(prompt) {
  const line = prompt.trim().replace(/\s+/g, " ");
  return line.length > HEADING_LENGTH ? `${line.slice(0, HEADING_LENGTH)}…` : line;
}

export class Answer {
  #text = "";
  #thoughts = "";
  #isPlain = false;
  #frame = 0;
  #firstAt = 0;
  #final = null;
  #notices = [];
  #ended = "";
  #sentAt = new Date().toISOString();
  #speed = "";
  #said = [];
  isWhole = false; // and so part of the conversation
  requestId = "";

  constructor(asked, { model, name }, number) {
    this.asked = asked;
    this.number = number;
    this.model = model;
    this.name = name;
    this.#build();
  }

  get hasText() { return this.#text !== ""; }
  get written() { return this.#text; }
  get heading() { return `Question ${this.number}: ${beginning(this.asked.prompt)}`; }
  get isRefusal() { return this.#ended !== "" && !this.hasText && this.#thoughts === ""; }
  get emergency() { return this.#notices.length ? this.notices : null; }

  #build() {
    this.notices = make("div", { role: "alert" });
    this.madeBy = make("p", { className: "made-by" });
    this.thoughts = make("div", { className: "thoughts", tabIndex: 0, role: "group", "aria-label": "Reasoning" });
    this.thoughtsTitle = make("summary", {}, "Model’s reasoning");
    this.reasoning = make("details", { className: "reasoning", hidden: true }, this.thoughtsTitle,
      make("p", { className: "caveat" }, "Not a faithful account of how the answer came about, and not part of it."),
      this.thoughts);
    this.text = make("div", { className: "text" });
    this.remarks = make("div");
    this.actions = make("div", { className: "actions", role: "group", "aria-label": this.heading, hidden: true });
    this.notice = make("p", { className: "answer-notice", lang: byId("disclaimer").lang }, byId("disclaimer").textContent);
    this.element = make("article", { className: "answer writing", "aria-busy": "true" },
      make("h2", { className: "visually-hidden" }, this.heading),
      make("p", { className: "question", tabIndex: 0 }, this.asked.prompt),
      this.notices, this.madeBy, this.reasoning, this.text, this.remarks,
      this.notice,
      this.actions);
    this.#tell("waiting for the first word");
  }

  /** Take in one event of the stream. */
  hear(event) {
    if (event.notices?.length > this.#notices.length) this.#warn(event.notices);
    if (event.delta || event.reasoning_delta) this.#firstAt ||= performance.now();
    this.#text += event.delta ?? "";
    this.#thoughts += event.reasoning_delta ?? "";
    if ("finish_reason" in event) this.#final = event;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The stream has ended as it should. */
  complete() {
    const final = this.#final ?? {};
    const seconds = (performance.now() - this.#firstAt) / 1000;
    const tokens = final.usage?.completion_tokens;
    this.#speed = tokens && `${(tokens / Math.max(seconds, 0.001)).toFixed(1)} tokens a second`;
    this.isWhole = this.#text.trim() !== "";
    this.#end("");
    if (final.truncated) this.#remark(TRUNCATED[final.truncated] ?? "The answer was cut off.");
    for (const code of final.warnings ?? []) {
      if (final.truncated === "input" && code === "input_truncated") continue;
      this.#remark(WARNINGS[code] ?? "There is a warning about this answer; the operator knows more.");
    }
    this.#offer();
    announce(`The answer is complete.${this.#notices.length ? " There is an emergency notice." : ""}`);
  }

  /** The reader pressed Stop. */
  stopped() {
    this.#ended = "stopped by the reader";
    this.#end("stopped");
    this.#remark(`You stopped this answer: it is not complete. ${WITHOUT}`, `Request ${this.requestId}`);
    this.#offer();
    announce("Stopped.");
  }

  /** It failed, before its first word or in the middle. */
  failed(failure) {
    this.#ended = failure.code ?? "interrupted";
    if (failure.notices.length && !this.#notices.length) this.#warn(failure.notices);
    this.#end("failed");
    const sentence = plain(failure, byId("disclaimer").lang);
    const part = this.hasText ? ` What is above is not complete. ${WITHOUT}` : "";
    const wait = failure.retryAfter ? ` Try again in ${failure.retryAfter} s.` : "";
    this.#remark(`${sentence}${wait}${part}`, `Request ${this.requestId}`, "failed");
    this.#offer();
    announce(`${sentence}${this.#notices.length ? " There is an emergency notice." : ""}`);
  }

  /** What is known of the answer; of one that did not end, what the gateway's trail is searched by. */
  #record() {
    if (this.#final) return this.#final;
    const provenance = { request_id: this.requestId, model: this.model, display_name: this.name, time: this.#sentAt };
    return {
      request_id: this.requestId, finish_reason: this.#ended, mmhie: { provenance, notices: this.#notices, ended: this.#ended },
    };
  }

  #tell(...facts) {
    const tag = make("span", { className: "tag" }, this.isRefusal ? "No answer" : "AI-generated");
    this.madeBy.replaceChildren(tag, ...[this.name, ...facts].filter(Boolean).map((fact) => make("span", {}, fact)));
  }

  #warn(notices) {
    this.#notices = notices;
    this.notices.replaceChildren(...notices.map((notice) => make("section", { className: "notice" },
      make("strong", {}, notice.message), make("small", {}, `${notice.summary}. ${notice.not_triage ?? ""}`))));
  }

  #draw() {
    this.#frame = 0;
    this.text.classList.toggle("plain", this.#isPlain);
    this.text.replaceChildren(...(this.#isPlain ? [this.#text] : blocks(this.#text)));
    this.reasoning.hidden = this.#thoughts === "";
    this.thoughts.textContent = this.#thoughts;
    if (this.element.ariaBusy !== "true") return;
    this.#tell(this.hasText ? "writing" : "reasoning");
  }

  #end(fact) {
    cancelAnimationFrame(this.#frame);
    this.element.classList.remove("writing");
    this.element.ariaBusy = "false";
    this.#draw();
    this.notice.hidden = this.isRefusal; // a label of generated text, where none is
    const origin = this.#final?.mmhie?.provenance;
    this.model = origin?.model ?? this.model;
    this.name = origin?.display_name ?? origin?.model ?? this.name;
    this.#tell(fact, moment(origin?.time));
  }

  #remark(sentence, about = "", kind = "") {
    this.#said.push(sentence);
    const remark = make("p", { className: `remark ${kind}`, role: "note" }, sentence);
    if (about) remark.append(make("small", {}, about));
    this.remarks.append(remark);
  }

  #offer() {
    const button = (label, act) => {
      const made = make("button", { type: "button", className: "quiet" }, label);
      made.addEventListener("click", () => act(made));
      return made;
    };
    const offered = [button("Copy as code", () => showCode(this.asked, this.model))];
    offered.unshift(button("Copy request id", (made) => copy(this.requestId, made)));
    offered.unshift(button("Provenance", () => showOrigin(this.#record(), this.#speed)));
    if (this.hasText) {
      offered.unshift(button("Copy answer", (made) => copy(this.#withNotice(), made)));
      offered.push(button("Plain text", (made) => {
        this.#isPlain = !this.#isPlain;
        made.textContent = this.#isPlain ? "Formatted" : "Plain text";
        this.#draw();
      }));
    }
    if (this.hasText) offered.push(...offerFeedback(button, () => this.requestId));
    offered.push(button("Ask again", () => this.onAgain?.(this.asked)));
    this.actions.replaceChildren(...offered);
    this.actions.hidden = false;
  }

  /** What is pasted into a record must not lose its labels. */
  #withNotice() {
    const incomplete = this.#said.map((sentence) => `[${sentence}]\n\n`).join("");
    const notices = this.#notices.map((notice) => `${notice.message}\n\n`).join("");
    return `${notices}${incomplete}${this.#text}\n\n[AI-generated, ${this.name}] ${byId("disclaimer").textContent}\n${byId("emergency-note").textContent}`;
  }
}
