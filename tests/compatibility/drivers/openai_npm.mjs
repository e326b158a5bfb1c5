// The official openai npm package, as tests/clients installs it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { serve } from "./cases.mjs";

const CLIENTS = "../../clients/";
const here = (path) => new URL(path, import.meta.url);
const OpenAI = createRequire(here(CLIENTS))("openai").default;
const { version } = JSON.parse(readFileSync(here(`${CLIENTS}node_modules/openai/package.json`)));
const asked = JSON.parse(readFileSync(here("asked.json")));
const [url, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const chatting = { model, ...asked.chat };
const dose = { name: "dose", parameters: asked.schema, strict: true };
const tool = { type: "function", function: dose };
const forced = {
  tools: [tool],
  tool_choice: { type: "function", function: { name: "dose" } },
};
const format = { type: "json_schema", json_schema: { name: "answer", schema: asked.schema } };

const create = (more) => client.chat.completions.create({ ...chatting, ...more });
const label = (answer) => answer.mmhie?.disclaimer?.text ?? null;

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const cases = {
  version: async () => ({ version }),

  async chat() {
    const answer = await create();
    return { text: answer.choices[0].message.content, label: label(answer) };
  },

  async stream() {
    const chunks = await collected(await create({ stream: true }));
    const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
    return { text, label: label(chunks[0]) };
  },

  async helper() {
    const answer = await client.chat.completions.stream(chatting).finalChatCompletion();
    const text = answer.choices[0].message.content;
    const closing = "output_digest" in answer.mmhie.provenance && answer.mmhie.disclaimer.sha256;
    return { text, label: label(answer), closing };
  },

  async tools() {
    const answer = await create(forced);
    const call = answer.choices[0].message.tool_calls[0].function;
    return { name: call.name, arguments: JSON.parse(call.arguments), label: label(answer) };
  },

  async "tools streamed"() {
    const chunks = await collected(await create({ ...forced, stream: true }));
    const calls = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    const joined = (part) => calls.map((call) => call.function[part] ?? "").join("");
    return {
      name: joined("name"),
      arguments: JSON.parse(joined("arguments")),
      label: label(chunks[0]),
    };
  },

  async "structured output"() {
    const answer = await create({ response_format: format });
    return { value: JSON.parse(answer.choices[0].message.content), label: label(answer) };
  },

  async responses() {
    const answer = await client.responses.create({
      model,
      input: "Say hi.",
      temperature: 0,
      max_output_tokens: 60,
    });
    return { text: answer.output_text, label: label(answer) };
  },

  "not found": () => create({ model: "nope" }),
  "bad request": () => create({ temperature: -1 }),
  failing: () => create(),
  "broken stream": async () => collected(await create({ stream: true })),

  async cancel() {
    const stream = await create({ ...asked.endless, stream: true, ignore_eos: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === 4) break;
    }
    return { seen };
  },
};

function kinds(error) {
  const found = [];
  for (let one = error.constructor; one.name; one = Object.getPrototypeOf(one)) {
    found.push(`openai.${one.name}`);
  }
  return found;
}

await serve(cases, (error) => ({
  kinds: kinds(error),
  status: error.status ?? null,
  message: error.message,
}));
