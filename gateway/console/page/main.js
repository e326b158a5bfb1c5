// The page: a question goes out with the conversation so far, an answer is read as it is written.

import { Access } from "./access.js";
import { Answer } from "./answer.js";
import { Charts } from "./charts.js";
import { Conversation } from "./conversation.js";
import { announce, byId, closable, make, save } from "./dom.js";
import { Follow } from "./follow.js";
import { ask } from "./gateway.js";
import { Health } from "./health.js";
import { foldOpen, menu } from "./menu.js";
import { plain } from "./words.js";

let running = null; // the question being answered: what stops it, and its card
let edited = null; // the answer whose question is in the field

const facts = document.body.dataset;
const conversation = new Conversation();
const follow = new Follow(byId("answers"), byId("follow"), () => running?.answer.element);

const health = new Health(() => {
  byId("send").ariaDisabled = String(!health.answers || running !== null);
  if (health.isReady) byId("why").textContent = "";
  byId("reasoning-offer").hidden = !health.reasons;
  if (health.reasons && facts.reasoning === "pass") offerReasoning();
});

const access = new Access(facts.keys === "required", () => health.look());

const offerReasoning = once(() => { byId("include-reasoning").checked = true; });

function once(act) {
  let isDone = false;
  return () => { if (!isDone) { isDone = true; act(); } };
}

function question() {
  const number = (id) => (byId(id).value === "" ? undefined : Number(byId(id).value));
  const asked = {
    prompt: byId("prompt").value,
    max_tokens: number("max-tokens"),
    temperature: number("temperature"),
    reasoning_effort: byId("effort").value || undefined,
    system: byId("system").value.trim() || undefined,
    include_reasoning: byId("include-reasoning").checked || undefined,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function obstacle() {
  if (running) return "An answer is being written; stop it first.";
  if (!byId("prompt").value.trim()) return "Write a question first.";
  if (!health.answers) return `${byId("phase").textContent}: questions can be asked once the model is ready.`;
  if (!byId("ask").checkValidity()) return "One of the options is out of its range.";
  return "";
}

async function send() {
  byId("why").textContent = obstacle();
  if (byId("why").textContent) {
    byId("options").open ||= byId("options").querySelector(":invalid") !== null;
    byId("ask").querySelector(":invalid")?.focus();
    return;
  }
  if (access.isMissing && !(await access.ask())) {
    byId("why").textContent = "Questions need an access key.";
    return;
  }
  const asked = question();
  if (edited && conversation.turns.includes(edited)) cut(edited, `Question ${edited.number} was replaced.`);
  else settle();
  byId("prompt").value = "";
  begin(asked);
}

/** Put a question after the turns that there are. */
function begin(asked, earlier) {
  edited = null;
  const whole = { ...asked, history: conversation.history() };
  const answer = new Answer(whole, health, conversation.length + 1, { regenerate, edit }, earlier);
  conversation.add(answer);
  byId("options").open = false;
  show();
  stream(answer);
}

/** The page shows the turns that the conversation has. */
function show() {
  const elements = conversation.turns.map((answer) => answer.element);
  for (const shown of byId("answers").querySelectorAll("article")) if (!elements.includes(shown)) shown.remove();
  byId("answers").append(...elements.filter((element) => !element.isConnected));
  byId("empty").hidden = conversation.length > 0;
  byId("whole").hidden = conversation.length === 0;
  document.body.classList.toggle("asked", conversation.length > 0);
}

/** Take turns away, from one on or all, and offer them back. */
function cut(from, sentence) {
  running?.stop.abort();
  conversation.cut(from);
  offerBack(sentence, "Undo", undo);
}

function offerBack(sentence, label, act) {
  byId("undo").hidden = false;
  byId("undo-text").textContent = sentence;
  byId("undo-button").textContent = label;
  byId("undo-button").onclick = act;
}

function undo() {
  running?.stop.abort();
  conversation.restore();
  settle();
  show();
  byId("prompt").focus();
  announce("The earlier conversation is back.");
}

/** What could be undone no longer can. */
function settle() {
  conversation.forget();
  edited = null;
  byId("undo").hidden = true;
}

/** Ask the same again, with the options as they are now, after the turns before it. */
function regenerate(answer) {
  byId("why").textContent = health.answers ? "" : `${byId("phase").textContent}: ask again once the model is ready.`;
  if (byId("why").textContent) return;
  cut(answer, `Question ${answer.number} is being asked again.`);
  begin({ ...question(), prompt: answer.asked.prompt }, answer.written);
}

/** Put a question into the field: the changed one takes its place. */
function edit(answer) {
  settle();
  edited = answer;
  again(answer.asked);
  offerBack(`You are editing question ${answer.number}; it and what follows will be replaced.`, "Cancel", () => {
    settle();
    byId("prompt").value = "";
    byId("prompt").focus();
  });
}

async function stream(answer) {
  running = { answer, stop: new AbortController() };
  busy(true);
  follow.begin();
  try {
    await askedWithKey(answer, running.stop.signal);
    answer.complete();
  } catch (problem) {
    if (answer.element.isConnected) byId("prompt").value ||= answer.asked.prompt;
    if (problem.name === "AbortError") answer.stopped();
    else failed(answer, problem);
  } finally {
    if (running?.answer === answer) finish();
  }
}

function finish() {
  follow.end();
  running = null;
  busy(false);
}

/** Ask; where the key is refused, ask for another one and put the question again. */
async function askedWithKey(answer, signal) {
  for (;;) {
    try {
      return await ask(answer.asked, signal, (event) => answer.hear(event), (id, version = "") => {
        Object.assign(answer, { requestId: id, noticeVersion: version ?? "" });
      });
    } catch (problem) {
      const isRefused = problem.status === 401 || problem.status === 403;
      if (!isRefused || answer.hasText || !(await access.ask(plain(problem, byId("disclaimer").lang)))) throw problem;
    }
  }
}

function failed(answer, failure) {
  answer.failed(failure);
  health.look();
}

function busy(is) {
  const focused = document.activeElement;
  byId("stop").hidden = !is;
  byId("send").hidden = is;
  byId("send").ariaDisabled = String(is || !health.answers);
  if (is) announce("The question was sent.");
  if (is && focused === byId("send")) byId("stop").focus({ preventScroll: true });
  const isFree = [byId("stop"), document.body].includes(focused) && getSelection().isCollapsed;
  if (!is && isFree) byId("prompt").focus({ preventScroll: true });
}

function again(asked) {
  byId("prompt").value = asked.prompt;
  byId("prompt").focus();
}

function startAnew() {
  cut(undefined, "Conversation cleared.");
  if (running) finish();
  edited = null;
  show();
  scrollTo(0, 0);
  byId("why").textContent = "";
  byId("prompt").value = "";
  byId("prompt").focus({ preventScroll: true });
  announce("Conversation cleared.");
}

function action(label, act) {
  const button = make("button", { type: "button", className: "quiet" }, label);
  button.addEventListener("click", act);
  return button;
}

const exported = () => save(conversation.asText(), `conversation-${new Date().toISOString().slice(0, 16).replace(":", "")}.md`);

function countOptions() {
  const set = ["max-tokens", "effort", "system"].filter((id) => byId(id).value !== "").length
    + (byId("temperature").value === byId("temperature").defaultValue ? 0 : 1);
  byId("options-set").textContent = set ? `${set} changed` : "";
}

document.querySelectorAll("dialog").forEach(closable);
byId("engine-open").addEventListener("click", () => byId("engine").showModal());

byId("ask").noValidate = true;
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("ask").addEventListener("input", countOptions);
byId("stop").addEventListener("click", () => running?.stop.abort());
byId("anew").addEventListener("click", startAnew);
byId("whole").append(menu("More, conversation", action("Export", exported), action("Print", () => print())));
for (const example of byId("examples").querySelectorAll("button")) {
  example.addEventListener("click", () => {
    again({ prompt: example.textContent });
    send();
  });
}
byId("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]") || foldOpen()) return;
  running?.stop.abort();
});

// Dialogs, and what stays in view, begin below the notice and end above the question.
for (const [edge, element] of [["--top", document.querySelector(".top")], ["--bottom", byId("ask")]]) {
  new ResizeObserver(() => {
    document.documentElement.style.setProperty(edge, `${element.offsetHeight}px`);
  }).observe(element);
}

// The page keeps nothing: leaving it loses the conversation.
addEventListener("beforeunload", (event) => { if (conversation.length) event.preventDefault(); });

byId("send").ariaDisabled = "true";
health.look();
new Charts().run();
if (access.isMissing) access.ask();
else byId("prompt").focus({ preventScroll: true });
