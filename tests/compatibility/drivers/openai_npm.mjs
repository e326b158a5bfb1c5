// The official openai npm package, as tests/clients installs it.
import { asked, collected, describe, left, load, model, serve, url } from "./cases.mjs";

const OpenAI = load("openai").default;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const chatting = { model, ...asked.chat };
const responding = { model, ...asked.responses };
const dose = { name: "dose", parameters: asked.schema, strict: true };
const tool = { type: "function", function: dose };
const forced = {
  tools: [tool],
  tool_choice: { type: "function", function: { name: "dose" } },
};
const format = { type: "json_schema", json_schema: { name: "answer", schema: asked.schema } };

const create = (more) => client.chat.completions.create({ ...chatting, ...more });
const disclaimer = (answer) => answer.mmhie?.disclaimer?.text ?? null;

async function gathered() {
  const stream = client.chat.completions.stream(chatting);
  const label = {};
  stream.on("chunk", ({ mmhie: part }) => {
    if (!part) return;
    const { disclaimer, provenance } = label;
    Object.assign(label, part, {
      disclaimer: { ...disclaimer, ...part.disclaimer },
      provenance: { ...provenance, ...part.provenance },
    });
  });
  const final = await stream.finalChatCompletion();
  const text = final.choices[0].message.content;
  const closing = "output_digest" in final.mmhie.provenance && final.mmhie.disclaimer.sha256;
  return { text, label: disclaimer(final), closing, whole: label };
}

const cases = {
  async chat() {
    const answer = await create();
    return {
      text: answer.choices[0].message.content,
      label: disclaimer(answer),
      mmhie: answer.mmhie,
    };
  },

  async stream() {
    const chunks = await collected(await create({ stream: true }));
    return {
      text: chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""),
      label: disclaimer(chunks[0]),
    };
  },

  helper: () => gathered(),

  async tools() {
    const answer = await create(forced);
    const call = answer.choices[0].message.tool_calls[0].function;
    return { name: call.name, arguments: JSON.parse(call.arguments), label: disclaimer(answer) };
  },

  async "tools streamed"() {
    const chunks = await collected(await create({ ...forced, stream: true }));
    const calls = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    const joined = (part) => calls.map((call) => call.function[part] ?? "").join("");
    return {
      name: joined("name"),
      arguments: JSON.parse(joined("arguments")),
      label: disclaimer(chunks[0]),
    };
  },

  async "structured output"() {
    const answer = await create({ response_format: format });
    const value = JSON.parse(answer.choices[0].message.content);
    return { value, label: disclaimer(answer) };
  },

  async completions() {
    const answer = await client.completions.create({ model, prompt: "Say hi.", max_tokens: 8 });
    return { text: answer.choices[0].text, label: disclaimer(answer) };
  },

  async responses() {
    const answer = await client.responses.create(responding);
    return { text: answer.output_text, label: disclaimer(answer) };
  },

  async models() {
    const page = await client.models.list();
    const model_ = await client.models.retrieve(model);
    return { ids: page.data.map((entry) => entry.id), retrieved: model_.id };
  },

  "not found": () => create({ model: "nope" }),
  "bad request": () => create({ temperature: -1 }),
  failing: () => create(),
  "broken stream": async () => collected(await create({ stream: true })),
  cancel: async () => left(await create({ ...asked.endless, stream: true, ignore_eos: true })),
};

await serve(cases, (error) => describe(error, "openai"));
