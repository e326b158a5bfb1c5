// What a card says, in words for its reader; codes are for programs, and the drawer has them.

export const TRUNCATED = {
  in_answer: "The answer was cut off at the token limit. What is missing may change its meaning.",
  in_reasoning: "The model was cut off while reasoning: no answer, or part of one.",
  input: "The question was too long: the model has not seen all of it.",
};
export const WARNINGS = {
  answer_shortened: "Reasoning left too few tokens: the answer was cut off.",
  ended_early: "The model ended the answer early: it may not be complete.",
  input_not_screened: "The question was not screened for emergencies.",
  language_not_screened: "Questions in this language are not screened for emergencies.",
  reasoning_cut: "The model’s reasoning was ended at its token limit.",
  reasoning_only: "There is reasoning and no answer.",
  empty_answer: "The answer is empty.",
  input_truncated: "The question was too long: the model has not seen all of it.",
  reasoning_withheld: "The operator does not show reasoning with this key.",
  harmony_markers_stripped: "Marks of the model’s own format were removed.",
  other_model: "Another model than the one named has answered. Tell the operator.",
  reasoning_not_separated: "Reasoning and answer are not separated in this text.",
};
const TOO_LONG = "This is too long for the model. Shorten the question, or start a new conversation.";
const BUSY = "The service is busy with other questions.";
const FAULT = "The model could not answer this question. If it happens again, tell the operator.";
export const ERRORS = {
  input_too_long: TOO_LONG,
  body_too_large: TOO_LONG,
  too_busy: BUSY,
  queue_timeout: BUSY,
  engine_unavailable: "Can’t reach the model. Ask again in a moment.",
  engine_timeout: "The model did not answer in time. Ask again, or ask for less.",
  engine_cut: "The model stopped before the end of its answer. Ask again.",
  engine_rejected: FAULT,
  engine_garbled: FAULT,
  internal: FAULT,
  no_answer: "The model gave no answer. Ask the question in other words.",
  vault_unavailable: "No question is answered while its answer cannot be kept. Tell the operator.",
  audit_unavailable: "No question is answered while it cannot be recorded. Tell the operator.",
  shared_state_unavailable: "Part of the service is out of order. Ask again in a moment.",
  forbidden: "This access key does not allow questions. Ask the operator for one that does.",
  draining: "The service is being restarted. Ask again in a moment.",
};
const FINISHES = {
  stop: "the model had finished",
  length: "cut off at the token limit",
};

// A month in letters: 11/12 is two days, depending on who reads it.
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const TIMESTAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;

/** A time for a person. */
export const moment = (time) => (time ? CLOCK.format(new Date(time)) : "");

/** A sentence of the gateway with its times for a person. */
export const withMoments = (sentence) => sentence.replace(TIMESTAMP, moment);

/** A failure in plain words; where the operator has chosen another language, the gateway's own. */
export function plain(failure, language) {
  const own = language.startsWith("en") ? ERRORS[failure.code] : undefined;
  return own ?? withMoments(failure.message);
}

/** A sentence with the seconds to wait, where they are known: instead of its "in a moment". */
export function withWait(sentence, seconds) {
  if (!seconds) return sentence;
  const changed = sentence.replace("in a moment.", `in ${seconds} s.`);
  return changed === sentence ? `${sentence} Try again in ${seconds} s.` : changed;
}

/** Why an answer ended. */
export const finish = (reason) => FINISHES[reason] ?? reason;
