// What state the service is in, looked at again and again; also when it goes away and comes back.

import { byId, fillFacts, make } from "./dom.js";
import { hasKey, look } from "./gateway.js";
import { record } from "./recorded.js";
import { withMoments } from "./words.js";

const PATIENCE_MS = 60_000; // with an engine that has never answered
const POLL_MS = { ready: 3000, away: 2000, other: 1000 };
const WORDS = {
  starting: "Starting",
  absent: "No engine",
  loading: "Loading the model",
  ready: "Ready",
  draining: "Stopping",
  engine_down: "Model not reachable",
  stalled: "Model stalled",
  held: "Out of service",
  away: "Gateway not reachable",
  unknown: "Connecting",
};
// In the way of asking: how serious it is, and what to read where the gateway tells no more; where
// it is a danger, what to do follows.
const DOWNTIME = "Meanwhile, follow your downtime procedure.";
const PANELS = {
  starting: ["", "The model is being started. Questions can be asked once it is there."],
  absent: ["danger", "No model can be reached. Tell whoever runs this service."],
  loading: ["", "The model is being loaded into memory. Questions can be asked once it is there."],
  draining: ["caution", "This gateway is being stopped. Another one takes over, or it comes back."],
  engine_down: ["danger", "The model does not answer; it is restarted if it is supervised."],
  stalled: ["danger", "The model makes no progress; it is restarted if it is supervised."],
  held: ["caution", "The model was taken out of service by an operator. Follow your downtime procedure. Rely on clinical judgement and your usual references."],
  away: ["danger", "The gateway does not answer. This page keeps trying; what you have written stays here."],
};

const DEMONSTRATION = /\bnot a medical model\b/; // as the launcher names one

export class Health {
  phase = "unknown";
  model = "";
  name = ""; // of the model, for a person
  reasons = false;
  #timer = 0;
  #waitingSince = 0;

  constructor(onChange) {
    this.onChange = onChange;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); });
  }

  get isReady() { return this.phase === "ready"; }

  /** Whether asking is worth while: without a model the gateway still looks for an emergency. */
  get answers() { return this.isReady || ["held", "engine_down", "stalled", "absent"].includes(this.phase); }

  /** Look now, and from then on in a rhythm that fits the phase. */
  async look() {
    clearTimeout(this.#timer);
    const told = await look("healthz").catch(() => ({ phase: "away" }));
    clearTimeout(this.#timer); // another look may have been asked for meanwhile
    this.#show(told);
    if (!document.hidden) {
      this.#timer = setTimeout(() => this.look(), POLL_MS[this.phase] ?? POLL_MS.other);
    }
  }

  #show(told) {
    const was = this.phase;
    this.phase = this.#isAbsent(told) ? "absent" : (told.phase in WORDS ? told.phase : "unknown");
    this.model = told.model ?? this.model;
    this.name = told.served?.display_name ?? told.model ?? this.name;
    this.reasons = told.served?.reasoning ?? this.reasons;
    byId("status").dataset.phase = this.phase;
    write(byId("phase"), WORDS[this.phase]);
    write(byId("model"), this.name);
    const isDemonstration = DEMONSTRATION.test(this.name);
    byId("demonstration").hidden = byId("recorded").hidden = !isDemonstration;
    if (isDemonstration) record();
    this.#panel(told);
    if (this.phase !== "away") this.#facts(told);
    if (was !== this.phase) this.onChange(was);
  }

  /** Whether nobody starts an engine here, and none has answered for a minute. */
  #isAbsent({ phase, engine }) {
    const isWaiting = phase === "starting" && engine?.name === "unknown";
    this.#waitingSince = isWaiting ? this.#waitingSince || Date.now() : 0;
    return isWaiting && Date.now() - this.#waitingSince >= PATIENCE_MS;
  }

  #detail(told, otherwise) {
    if (this.phase !== "absent") return withMoments(told.detail || otherwise);
    const address = document.body.dataset.engine;
    return address ? `No engine answers at ${address} (MMHIE_ENGINE_URL). Tell whoever runs this service.` : otherwise;
  }

  /** The panel comes and goes above the answers; what is read there stays where it is. */
  #panel(told) {
    const top = () => byId("answers").getBoundingClientRect().top;
    const before = top();
    this.#fill(told);
    if (before < 0) scrollBy(0, top() - before);
  }

  #fill(told) {
    const [kind, otherwise] = PANELS[this.phase] ?? [];
    byId("state").hidden = otherwise === undefined;
    if (otherwise === undefined) return;
    byId("state").className = `panel ${kind}`;
    write(byId("state-title"), WORDS[this.phase]);
    const detail = this.#detail(told, otherwise);
    write(byId("state-text"), kind === "danger" ? `${detail} ${DOWNTIME}` : detail);
    this.#progress(told);
  }

  #progress(told) {
    const isLoading = this.phase === "loading" || this.phase === "starting";
    byId("progress").hidden = !isLoading;
    const percent = Math.round((told.progress ?? 0) * 100);
    if (told.progress) byId("progress-bar").value = percent;
    else byId("progress-bar").removeAttribute("value");
    write(byId("progress-text"), told.progress ? `${percent} %` : "");
  }

  #facts(told) {
    const { served = {}, engine = {} } = told;
    fillFacts(byId("facts"), [
      ["Model", this.name],
      ["Quantization", served.quantization],
      ["Longest conversation", served.max_model_len && `${served.max_model_len} tokens`],
      ["Device", served.device],
      ["Engine", [engine.name, engine.version].filter(Boolean).join(" ")],
      ["Gateway", told.gateway_version],
    ]);
    const warnings = told.warnings ?? (hasKey() ? [] : null);
    byId("operator").hidden = !warnings?.length;
    byId("warnings").replaceChildren(...(warnings ?? []).map((warning) => make("li", {}, warning)));
  }
}

/** Written only when it changed: a status region would be read out again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
