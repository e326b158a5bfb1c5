// The page: a question goes out, an answer is read as it is written.

import { Answer } from "./answer.js";
import { Charts } from "./charts.js";
import { announce, byId, closable } from "./dom.js";
import { ask, hasKey, useKey } from "./gateway.js";
import { Health } from "./health.js";

let running = null;

const health = new Health(() => {
  byId("send").ariaDisabled = String(!health.answers || running !== null);
  if (health.isReady) byId("why").textContent = "";
  if (health.reasons && document.body.dataset.reasoning === "pass") offerReasoning();
});

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
    byId("ask").querySelector(":invalid")?.focus();
    return;
  }
  const answer = new Answer(question(), health);
  answer.onAgain = again;
  byId("empty").hidden = true;
  byId("answers").prepend(answer.element);
  await stream(answer);
}

async function stream(answer) {
  running = new AbortController();
  busy(true);
  try {
    await ask(answer.asked, running.signal, (event) => answer.hear(event), (id) => { answer.requestId = id; });
    answer.complete();
    if (byId("prompt").value === answer.asked.prompt) byId("prompt").value = "";
  } catch (problem) {
    if (problem.name === "AbortError") answer.stopped();
    else failed(answer, problem);
  } finally {
    running = null;
    busy(false);
  }
}

function failed(answer, failure) {
  answer.failed(failure);
  if (failure.status === 401 || failure.status === 403) askForKey(failure.message);
  health.look();
}

function busy(is) {
  byId("stop").hidden = !is;
  byId("send").ariaDisabled = String(is || !health.answers);
  if (is) announce("The question was sent.");
  else if (document.activeElement === document.body) byId("prompt").focus({ preventScroll: true });
}

function again(asked) {
  byId("prompt").value = asked.prompt;
  byId("prompt").focus();
}

function askForKey(sentence = "") {
  if (sentence) byId("key-text").textContent = sentence;
  byId("key-text").classList.toggle("failed", sentence !== "");
  byId("key-forget").hidden = !hasKey();
  byId("key").value = "";
  byId("key-dialog").showModal();
}

function takeKey(text) {
  useKey(text);
  byId("key").value = "";
  byId("key-open").textContent = hasKey() ? "Access key: set" : "Access key";
  byId("key-dialog").close();
  health.look();
}

const KEY_TEXT = byId("key-text").textContent;
byId("key-open").addEventListener("click", () => {
  byId("key-text").textContent = KEY_TEXT;
  askForKey();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  takeKey(byId("key").value);
});
byId("key-forget").addEventListener("click", () => takeKey(""));
document.querySelectorAll("dialog").forEach(closable);

byId("ask").noValidate = true;
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("stop").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  const isOpen = document.querySelector("dialog[open]");
  if (event.key === "Escape" && running && !isOpen) running.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !isOpen) {
    event.preventDefault();
    send();
  }
});

// Dialogs, and the column that stays in view, begin below the notice.
const head = document.querySelector(".top");
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--top", `${head.offsetHeight}px`);
}).observe(head);

const wide = matchMedia("(min-width: 62.01rem)");
const unfold = () => { byId("engine").open = wide.matches; };
wide.addEventListener("change", unfold);
unfold();

byId("send").ariaDisabled = "true";
health.look();
new Charts().run();
