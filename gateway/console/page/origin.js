// The drawer with the origin of an answer.

import { byId, copy, fillFacts } from "./dom.js";
import { finish, moment } from "./words.js";

export function showOrigin(final, speed) {
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
    ["Time", moment(origin.time)],
    ["Request", final.request_id, "digest"],
    ["Ended because", finish(final.finish_reason)],
    ["Tokens", final.usage && `${final.usage.prompt_tokens} read, ${final.usage.completion_tokens} written`],
    ["Speed", speed],
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
