// What the drivers of npm clients share: cases, streams, errors, and clients that tests/clients installs.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const CLIENTS = "../../clients/";
export const here = (path) => new URL(path, import.meta.url);
export const load = createRequire(here(CLIENTS));
export const asked = JSON.parse(readFileSync(here("asked.json")));
export const [url, model] = process.argv.slice(2);

// The cases of a client: a name a line in, its result or its error as JSON out.
export async function serve(cases, told) {
  for await (const name of createInterface({ input: process.stdin })) {
    try {
      console.log(JSON.stringify({ result: await cases[name]() }));
    } catch (error) {
      console.log(JSON.stringify({ error: told(error) }));
    }
  }
}

export async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

// Reads four chunks of a stream, and leaves the loop.
export async function left(stream) {
  let seen = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen === 4) break;
  }
  return { seen };
}

// How an official client's error is told: its classes, and what the client put on it.
export function describe(error, client) {
  const kinds = [];
  for (let kind = error.constructor; kind.name; kind = Object.getPrototypeOf(kind)) {
    kinds.push(`${client}.${kind.name}`);
  }
  return {
    kinds,
    status: error.status ?? null,
    code: error.code ?? error.error?.error?.code ?? null,
    type: error.type ?? null,
    body: error.error ?? null,
    message: error.message,
    requestId: error.requestID ?? null,
  };
}
