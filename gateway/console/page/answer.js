// One question and what came of it, as an article: notices first, then the answer, then its notice.

import { announce, byId, copy, fillFacts, make } from "./dom.js";
import { blocks } from "./markdown.js";
import { NOTES, SNIPPETS } from "./snippets.js";

const TRUNCATED = {
  in_answer: "The answer was cut off at the token limit. What is missing may change its meaning.",
  in_reasoning: "The model was cut off while it was still reasoning: there may be no answer, or only part of one.",
  input: "The question was too long and was cut: the model has not seen all of it.",
};
const WARNINGS = {
  answer_shortened: "The reasoning left too few tokens for the answer: it was cut off.",
  ended_early: "The engine ended the answer early: it may not be complete.",
  input_not_screened: "The question was not screened for emergencies.",
  reasoning_cut: "The model’s reasoning was ended at its token limit.",
  reasoning_only: "There is reasoning and no answer.",
  empty_answer: "The model spent tokens and gave no text.",
  nothing_generated: "The model generated nothing.",
  input_truncated: "The question was too long and was cut: the model has not seen all of it.",
  reasoning_withheld: "Reasoning was asked for; the operator does not show it with this key.",
  harmony_markers_stripped: "Control marks of the model’s format leaked into the answer and were removed.",
  reasoning_not_separated: "Reasoning and answer are not separated in this text.",
};

export class Answer {
  #text = "";
  #thoughts = "";
  #isPlain = false;
  #frame = 0;
  #pieces = 0;
  #firstAt = 0;
  #final = null;
  #notices = [];
  #ended = "";
  #sentAt = new Date().toISOString();
  requestId = "";

  constructor(asked, { model, name }) {
    this.asked = asked;
    this.model = model;
    this.name = name;
    this.#build();
  }

  get hasText() { return this.#text !== ""; }

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
    this.actions = make("div", { className: "actions", hidden: true });
    this.element = make("article", { className: "answer writing", "aria-busy": "true" },
      make("h2", {}, "Question"),
      make("p", { className: "question", tabIndex: 0 }, this.asked.prompt),
      this.notices, this.madeBy, this.reasoning, this.text, this.remarks,
      make("p", { className: "answer-notice", lang: byId("disclaimer").lang }, byId("disclaimer").textContent),
      this.actions);
    this.#tell("waiting for the first word");
  }

  /** Take in one event of the stream. */
  hear(event) {
    if (event.notices && !this.#notices.length) this.#warn(event.notices);
    if (event.delta || event.reasoning_delta) {
      this.#firstAt ||= performance.now();
      this.#pieces += 1;
    }
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
    this.#end(tokens ? `${tokens} tokens, ${(tokens / Math.max(seconds, 0.001)).toFixed(1)} a second` : "");
    if (final.truncated) this.#remark(TRUNCATED[final.truncated] ?? "The answer was cut off.");
    for (const code of final.warnings ?? []) {
      if (final.truncated === "input" && code === "input_truncated") continue;
      this.#remark(WARNINGS[code] ?? "The gateway has a warning about this answer.", code);
    }
    this.#offer();
    announce(`The answer is complete.${this.#notices.length ? " There is an emergency notice." : ""}`);
  }

  /** The reader pressed Stop. */
  stopped() {
    this.#ended = "stopped by the reader";
    this.#end("stopped");
    this.#remark("You stopped this answer: it is not complete.", `request ${this.requestId}`);
    this.#offer();
    announce("Stopped.");
  }

  /** It failed, before its first word or in the middle. */
  failed(failure) {
    this.#ended = failure.code ?? "interrupted";
    if (failure.notices.length && !this.#notices.length) this.#warn(failure.notices);
    this.#end("failed");
    const part = this.hasText ? " What is above is not complete." : "";
    const wait = failure.retryAfter ? ` Try again in ${failure.retryAfter} s.` : "";
    const about = [failure.code, `request ${this.requestId}`].filter(Boolean).join(", ");
    this.#remark(`${failure.message}${wait}${part}`, about, "failed");
    this.#offer();
    announce(`${failure.message}${this.#notices.length ? " There is an emergency notice." : ""}`);
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
    const tag = make("span", { className: "tag" }, "AI-generated");
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
    const seconds = (performance.now() - this.#firstAt) / 1000;
    this.#tell(this.hasText ? "writing" : "reasoning", seconds > 1 ? `about ${(this.#pieces / seconds).toFixed(0)} tokens a second` : "");
  }

  #end(fact) {
    cancelAnimationFrame(this.#frame);
    this.element.classList.remove("writing");
    this.element.ariaBusy = "false";
    this.#draw();
    const origin = this.#final?.mmhie?.provenance;
    this.model = origin?.model ?? this.model;
    this.name = origin?.display_name ?? origin?.model ?? this.name;
    this.#tell(fact, moment(origin?.time));
  }

  #remark(sentence, code = "", kind = "") {
    const remark = make("p", { className: `remark ${kind}`, role: "note" }, sentence);
    if (code) remark.append(make("small", {}, make("code", {}, code)));
    this.remarks.append(remark);
  }

  #offer() {
    const button = (label, act) => {
      const made = make("button", { type: "button", className: "quiet" }, label);
      made.addEventListener("click", () => act(made));
      return made;
    };
    const offered = [button("Copy as code", () => showCode(this.asked, this.model))];
    offered.unshift(button("Provenance", () => showOrigin(this.#record())));
    if (this.hasText) {
      offered.unshift(button("Copy answer", (made) => copy(this.#withNotice(), made)));
      offered.push(button("Plain text", (made) => {
        this.#isPlain = !this.#isPlain;
        made.textContent = this.#isPlain ? "Formatted" : "Plain text";
        this.#draw();
      }));
    }
    offered.push(button("Ask again", () => this.onAgain?.(this.asked)));
    this.actions.replaceChildren(...offered);
    this.actions.hidden = false;
  }

  /** What is pasted into a record must not lose its labels. */
  #withNotice() {
    const incomplete = this.remarks.textContent ? "[This answer may not be complete.]\n\n" : "";
    const notices = this.#notices.map((notice) => `${notice.message}\n\n`).join("");
    return `${notices}${incomplete}${this.#text}\n\n[AI-generated, ${this.name}] ${byId("disclaimer").textContent}`;
  }
}

// A month in letters: 11/12 is two days, depending on who reads it.
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const moment = (time) => (time ? CLOCK.format(new Date(time)) : "");

function showOrigin(final) {
  const { provenance: origin = {}, disclaimer = {}, ai_label: label } = final.mmhie ?? {};
  const sampling = Object.entries(origin.sampling ?? {}).map(([name, value]) => `${name} ${value}`).join(", ");
  const engine = [origin.engine, origin.engine_version].filter(Boolean).join(" ");
  fillFacts(byId("origin"), [
    ["Model", origin.display_name ?? origin.model],
    ["Revision", origin.revision],
    ["Base model", origin.base],
    ["Adapter", origin.adapter && (typeof origin.adapter === "string" ? origin.adapter : JSON.stringify(origin.adapter))],
    ["Quantization", origin.quantization],
    ["Label", label && `AI-generated (${label.code})`],
    ["Time", origin.time && `${moment(origin.time)} (${origin.time})`],
    ["Request", final.request_id, "digest"],
    ["Finished because", final.truncated ? `${final.finish_reason}, ${final.truncated}` : final.finish_reason],
    ["Tokens", final.usage && `${final.usage.prompt_tokens} read, ${final.usage.completion_tokens} written`],
    ["Reasoning effort", origin.reasoning_effort],
    ["Sampling", sampling],
    ["Engine", engine],
    ["Engine fingerprint", origin.system_fingerprint, "digest"],
    ["Gateway", origin.gateway_version],
    ["Digest of the question", origin.prompt_digest, "digest"],
    ["Digest of the answer", origin.output_digest, "digest"],
    ["Rules of the notices", origin.notice_rules, "digest"],
    ["Safety notice", disclaimer.version && `${disclaimer.id} ${disclaimer.version}`],
    ["Digest of the notice", disclaimer.sha256, "digest"],
  ]);
  byId("origin-copy").onclick = (event) => copy(JSON.stringify(final.mmhie, null, 2), event.currentTarget);
  byId("origin-dialog").showModal();
}

function showCode(asked, model) {
  const buttons = [...byId("code-dialog").querySelectorAll("[data-code]")];
  const choose = (name) => {
    byId("code").textContent = SNIPPETS[name](asked, model);
    byId("code-note").textContent = NOTES[name];
    for (const button of buttons) button.ariaPressed = String(button.dataset.code === name);
  };
  for (const button of buttons) button.onclick = () => choose(button.dataset.code);
  byId("code-copy").onclick = (event) => copy(byId("code").textContent, event.currentTarget);
  choose("curl");
  byId("code-dialog").showModal();
}
