// Talking to the gateway: the key in memory, the errors as sentences, the stream as events.

import { Events } from "./events.js";

let key = "";

export const hasKey = () => key !== "";
export const useKey = (text) => { key = text.trim(); };
export const address = (path) => new URL(path, document.baseURI);

/** What went wrong, in the gateway's own sentence where it said one. */
export class Failure extends Error {
  constructor(message, { code = null, param = null, status = 0, requestId = null, retryAfter = null, notices = [] } = {}) {
    super(message);
    Object.assign(this, { code, param, status, requestId, retryAfter, notices });
  }
}

const PATIENCE_MS = 5000;
const headers = (more = {}, own = key) => (own ? { authorization: `Bearer ${own}`, ...more } : more);

/** A small JSON document, with the key in use or another; raises Failure. */
export async function look(path, { key: own = key } = {}) {
  const response = await reached(path, {
    headers: headers({}, own), cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!response.ok) throw await refused(response);
  return response.json();
}

/** Send a small JSON document; raises Failure. */
export async function tell(path, body) {
  const response = await reached(path, {
    method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body),
    signal: AbortSignal.timeout(2 * PATIENCE_MS),
  });
  if (!response.ok) throw await refused(response);
  return response.json();
}

/** Ask, and give each event to `hear` the moment it is there; raises Failure or an AbortError.
 *
 * The request's id goes to `named`: ours until the gateway says it, so that a question which is
 * stopped before its answer has begun can be found, too.
 */
export async function ask(body, signal, hear, named) {
  const id = newId();
  named(id);
  const response = await reached("llm/generate", {
    method: "POST",
    headers: headers({
      "content-type": "application/json", accept: "text/event-stream", "x-request-id": id,
    }),
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  const requestId = response.headers.get("x-request-id") ?? id;
  named(requestId, response.headers.get("x-mmhie-disclaimer-version"));
  if (!response.ok) throw await refused(response);
  await follow(response.body, hear, requestId);
}

const newId = () => // no randomUUID: a ward's network may have plain http
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function follow(body, hear, requestId) {
  const cut = () => new Failure(
    "The connection ended before the answer did: what is here is not complete.", { requestId });
  const events = new Events();
  const decoder = new TextDecoder();
  let isDone = false;
  const take = (text) => {
    for (const told of events.feed(text)) {
      if (told === "[DONE]") { isDone = true; continue; }
      const event = JSON.parse(told);
      if (event.error) throw failure(event.error, { requestId });
      hear(event);
    }
  };
  try {
    for (const reader = body.getReader(); ;) {
      const { value, done } = await reader.read();
      if (done) break;
      take(decoder.decode(value, { stream: true }));
    }
  } catch (problem) {
    if (problem instanceof Failure || problem.name === "AbortError") throw problem;
    throw cut();
  }
  if (!isDone) throw cut();
}

async function reached(path, options) {
  try {
    return await fetch(address(path), { credentials: "omit", ...options });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Failure("Can’t reach the gateway. Try again in a moment.", { code: "unreachable" });
  }
}

async function refused(response) {
  const about = {
    status: response.status,
    requestId: response.headers.get("x-request-id"),
    retryAfter: response.headers.get("retry-after"),
  };
  const body = await response.json().catch(() => ({}));
  return failure(body.error ?? {}, about);
}

const failure = (error, about) =>
  new Failure(error.message ?? `The gateway answered ${about.status}.`, {
    ...about, code: error.code ?? null, param: error.param ?? null, notices: error.mmhie?.notices ?? [],
  });
