// A conversation to look at where a demonstration model is served, whose answers show little.

import { byId, make } from "./dom.js";
import { blocks } from "./markdown.js";

const QUESTION = "What are the common causes of a raised anion gap?";
const ANSWER = String.raw`The gap is $\text{Na}^+ - (\text{Cl}^- + \text{HCO}_3^-)$, usually 8–12 mmol/L; the range depends on the laboratory. A raised gap with acidosis means acids that are not measured:

| Group | Causes | First test |
|---|---|---|
| Lactate | shock, sepsis, seizure, metformin | lactate |
| Ketones | diabetes, alcohol, starvation | β-hydroxybutyrate, glucose |
| Kidney failure | uraemia | creatinine, urea |
| Toxins | methanol, ethylene glycol, salicylate | osmolal gap, levels |

A low albumin hides a raised gap: add about 2.5 mmol/L for each 10 g/L below normal.`;

/** Put it on the first screen; it is shown where the model is a demonstration. */
export function record() {
  if (byId("recorded").firstChild) return;
  byId("recorded").append(
    make("p", {}, "A small demonstration model answers here. With a connection to the internet, ",
      make("code", {}, "MMHIE_REASONER_MODEL=Qwen/Qwen3-0.6B make run"), " starts a better one."),
    make("h3", { className: "question", id: "recorded-title" }, QUESTION),
    make("p", { className: "made-by" }, make("span", { className: "tag" }, "Recorded example"),
      make("span", {}, "written by hand, by no model; not reviewed clinically")),
    make("div", { className: "text" }, ...blocks(ANSWER)),
    make("p", { className: "answer-notice", lang: byId("disclaimer").lang }, byId("disclaimer").textContent));
}
