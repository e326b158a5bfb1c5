// One question and what came of it, as an article: notices first, then the answer, then its notice.

import { announce, byId, copy, copyRich, make, update } from "./dom.js";
import { offerFeedback } from "./feedback.js";
import { blocks } from "./markdown.js";
import { menu } from "./menu.js";
import { showOrigin } from "./origin.js";
import { TRUNCATED, WARNINGS, moment, plain, withWait } from "./words.js";

const UNFINISHED = "The answer was still being written: it is not complete.";
const WITHOUT = "Follow-ups won’t include it.";
const SAME = "The same answer as before: at temperature 0 the model repeats itself. Options has the temperature.";
const MARK = "Not clinical advice, no emergency detector"; // opens the safety notice, which the page always shows above
const HEADING_LENGTH = 60;

/** As much of a question as a list of headings has room for. */
function beginning(prompt) {
  const line = prompt.trim().replace(/\s+/g, " ");
  return line.length > HEADING_LENGTH ? `${line.slice(0, HEADING_LENGTH)}…` : line;
}

/** The safety notice and whom to call, as the page has them. */
const labels = () => [byId("disclaimer"), byId("emergency-note")].map((one) => one.textContent);

export class Answer {
  #text = "";
  #thoughts = "";
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
  noticeVersion = "";

  /** `on` has what to do for Regenerate and Edit; `earlier` is the text that this one replaces. */
  constructor(asked, { model, name }, number, on, earlier = null) {
    Object.assign(this, { asked, model, name, number, on, earlier });
    this.#build();
  }

  get hasText() { return this.#text !== ""; }
  get written() { return this.#text; }
  get heading() { return `Question ${this.number}: ${beginning(this.asked.prompt)}`; }
  get isWriting() { return this.element.ariaBusy === "true"; }
  get isRefusal() { return this.#ended !== "" && !this.hasText && this.#thoughts === ""; }

  #build() {
    const lang = byId("disclaimer").lang;
    this.notices = make("div", { role: "alert", lang });
    this.madeBy = make("p", { className: "made-by" });
    this.thoughts = make("div", { className: "thoughts", tabIndex: 0, role: "group", "aria-label": "Reasoning" });
    this.reasoning = make("details", { className: "reasoning", hidden: true }, make("summary", {}, "Model’s reasoning"),
      make("p", { className: "caveat" }, "Not a faithful account of the answer, and not part of it."),
      this.thoughts);
    this.text = make("div", { className: "text" });
    this.remarks = make("div");
    this.actions = make("div", { className: "actions", role: "group", "aria-label": this.heading, hidden: true });
    this.notice = make("details", { className: "answer-notice", lang },
      make("summary", { lang: "en" }, MARK), ...labels().map((label) => make("p", {}, label)));
    this.element = make("article", { className: "answer writing", "aria-busy": "true", "aria-label": this.heading },
      make("h2", { className: "visually-hidden" }, this.heading),
      make("p", { className: "question", tabIndex: 0 }, this.asked.prompt),
      this.notices, this.madeBy, this.reasoning, this.text, this.remarks, this.notice, this.actions);
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
    if (this.earlier === this.#text) this.#remark(SAME);
    this.#offer();
    announce(`The answer is complete.${this.#notices.length ? " There is an emergency notice." : ""}`);
  }

  /** The reader pressed Stop, or left the answer. */
  stopped() {
    this.#ended = "stopped by the reader";
    this.#end("stopped");
    this.#remark(`You stopped this answer: it is not complete. ${WITHOUT}`, `Request ${this.requestId}`);
    this.#offer();
    if (this.element.isConnected) announce("Stopped.");
  }

  /** It failed, before its first word or in the middle. */
  failed(failure) {
    this.#ended = failure.code ?? "interrupted";
    if (failure.notices.length && !this.#notices.length) this.#warn(failure.notices);
    this.#end(this.hasText ? "failed" : "");
    const sentence = withWait(plain(failure, byId("disclaimer").lang), failure.retryAfter);
    const part = this.hasText ? ` What is above is not complete. ${WITHOUT}` : "";
    this.#remark(`${sentence}${part}`, `Request ${this.requestId}`, "failed");
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
    const model = this.isRefusal ? "" : this.name;
    this.madeBy.replaceChildren(tag, ...[model, ...facts].filter(Boolean).map((fact) => make("span", {}, fact)));
  }

  #warn(notices) {
    this.#notices = notices;
    this.notices.replaceChildren(...notices.map((notice) => make("section", { className: "notice" },
      make("strong", {}, notice.message), make("small", {}, `${notice.summary}. ${notice.not_triage ?? ""}`))));
  }

  #draw() {
    this.#frame = 0;
    update(this.text, blocks(this.#text, this.isWriting));
    this.reasoning.hidden = this.#thoughts === "";
    this.thoughts.textContent = this.#thoughts;
    if (this.isWriting) this.#tell(this.hasText ? "writing" : "reasoning");
  }

  #end(fact) {
    cancelAnimationFrame(this.#frame);
    this.element.classList.remove("writing");
    this.element.ariaBusy = "false";
    this.#draw();
    if (this.isRefusal) this.#replaceNotice();
    const origin = this.#final?.mmhie?.provenance;
    this.model = origin?.model ?? this.model;
    this.name = origin?.display_name ?? origin?.model ?? this.name;
    this.#tell(fact, moment(origin?.time ?? this.#sentAt));
    this.madeBy.append(make("span", { className: "id" }, `Request ${this.requestId}`));
  }

  /** Without an answer, only the version of the notice that the response had. */
  #replaceNotice() {
    const version = make("p", { className: "answer-notice" }, this.noticeVersion && `Safety notice ${this.noticeVersion}`);
    this.notice.replaceWith(version);
    this.notice = version;
  }

  #remark(sentence, about = "", kind = "") {
    this.#said.push(sentence);
    const remark = make("p", { className: `remark ${kind}`, role: "note" }, sentence);
    if (about) remark.append(make("small", {}, about));
    this.remarks.append(remark);
  }

  #offer() {
    const button = (label, act) => {
      const made = make("button", { type: "button", className: "quiet", "aria-label": `${label}, question ${this.number}` }, label);
      made.addEventListener("click", () => act(made));
      return made;
    };
    const offered = [button("Regenerate", () => this.on.regenerate(this))];
    if (this.hasText) {
      offered.unshift(button("Copy", (made) => copyRich(this.#rich(), this.asText(), made)));
      offered.push(...offerFeedback(button, () => this.requestId));
    }
    this.actions.replaceChildren(...offered, menu(`More, question ${this.number}`,
      button("Edit question", () => this.on.edit(this)),
      button("Provenance", () => showOrigin(this.#record(), this.#speed)),
      button("Copy request id", (made) => copy(this.requestId, made.closest("details").firstChild))));
    this.actions.hidden = false;
  }

  #origin() {
    const at = moment(this.#record().mmhie?.provenance?.time);
    return `[AI-generated, ${this.name}, ${at}, request ${this.requestId}]`;
  }

  /** The answer as Markdown: what is pasted into a record must not lose its labels. */
  asText() {
    const said = this.isWriting ? [UNFINISHED, ...this.#said] : this.#said;
    const above = [...this.#notices.map((notice) => notice.message), ...said.map((sentence) => `[${sentence}]`)];
    if (this.isRefusal) return [...above, `[No answer, request ${this.requestId}] ${this.notice.textContent}`].join("\n\n");
    const [disclaimer, note] = labels();
    return `${[...above, this.#text].join("\n\n")}\n\n${this.#origin()} ${disclaimer}\n${note}`;
  }

  /** The same, formatted, for a word processor. */
  #rich() {
    const paragraph = (text) => make("p", {}, text);
    return make("div", {},
      ...this.#notices.map((notice) => make("p", {}, make("strong", {}, notice.message))),
      ...this.#said.map((sentence) => paragraph(`[${sentence}]`)),
      ...this.text.cloneNode(true).childNodes,
      paragraph(this.#origin()), ...labels().map(paragraph));
  }
}
