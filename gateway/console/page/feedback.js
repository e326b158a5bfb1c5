// What a reader says of an answer: a flag, or a clinician's sign-off, by the answer's request id.

import { announce, byId } from "./dom.js";
import { tell } from "./gateway.js";

const WORDS = {
  answer_not_found: "The service no longer knows this answer. Tell the operator, with its request id.",
  feedback_unavailable: "Your feedback could not be stored. Keep this window open and send it again later.",
  forbidden: "This access key does not allow that. A sign-off needs a clinician's own; ask the operator.",
};
const SIGN_OFF = "signed_off";

let opening = 0; // the dialog closes, and another answer's opens, while feedback is on its way

/** What this gateway takes: nothing ("off"), flags, or flags with texts. */
const taken = () => document.body.dataset.feedback;

/** The button at an answer, where the gateway takes feedback. */
export function offerFeedback(button, requestId) {
  return taken() === "off" ? [] : [button("Report", () => open(requestId()))];
}

function open(requestId) {
  opening += 1;
  byId("feedback-send").disabled = false;
  byId("feedback-form").reset();
  byId("feedback-texts").hidden = taken() !== "texts";
  say(`Request ${requestId}`);
  follow();
  byId("feedback-category").onchange = follow;
  byId("feedback-form").onsubmit = (event) => {
    event.preventDefault();
    send(requestId);
  };
  byId("feedback-dialog").showModal();
}

/** A sign-off has no severity; the access key says whose it is. */
function follow() {
  byId("feedback-severity").disabled = byId("feedback-category").value === SIGN_OFF;
}

async function send(requestId) {
  const text = (id) => (byId("feedback-texts").hidden ? undefined : byId(id).value.trim() || undefined);
  const category = byId("feedback-category").value;
  const own = opening;
  const isOpen = () => own === opening && byId("feedback-dialog").open;
  byId("feedback-send").disabled = true;
  say("Sending …");
  try {
    const receipt = await tell("v1/mmhie/feedback", {
      request_id: requestId,
      category,
      severity: category === SIGN_OFF ? undefined : byId("feedback-severity").value,
      comment: text("feedback-comment"),
      corrected_text: text("feedback-corrected"),
    });
    if (isOpen()) byId("feedback-dialog").close();
    announce(receipt.duplicate ? "The same feedback is there already." : "Thank you: the feedback is stored.");
  } catch (failure) {
    const sentence = WORDS[failure.code] ?? failure.message;
    if (isOpen()) say(sentence, true);
    else announce(`The feedback on request ${requestId} was not stored. ${sentence}`);
  } finally {
    if (own === opening) byId("feedback-send").disabled = false;
  }
}

function say(sentence, isFailure = false) {
  byId("feedback-text").textContent = sentence;
  byId("feedback-text").classList.toggle("failed", isFailure);
}
