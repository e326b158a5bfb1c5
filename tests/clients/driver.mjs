// Cases of the official openai npm client against a gateway: a name a line in, its result as JSON out.
//   node driver.mjs BASE_URL MODEL
import OpenAI from "openai";
import { serve } from "../compatibility/drivers/cases.mjs";

const [base, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "any", maxRetries: 0 });
const messages = [{ role: "user", content: "Say hi." }];
const chat = { model, messages, max_tokens: 8, temperature: 0 };
const tool = {
  type: "function",
  function: { name: "dose", parameters: { type: "object", properties: {} } },
};

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
}

const cases = {
  async chat() {
    const { data, response } = await client.chat.completions.create(chat).withResponse();
    return {
      text: data.choices[0].message.content,
      mmhie: data.mmhie,
      requestId: data._request_id,
      header: response.headers.get("x-request-id"),
      version: response.headers.get("x-mmhie-disclaimer-version"),
    };
  },

  async stream() {
    const chunks = await collected(await client.chat.completions.create({ ...chat, stream: true }));
    return {
      text: textOf(chunks),
      finish: chunks.at(-1).choices[0].finish_reason,
      carriers: chunks.filter((chunk) => chunk.mmhie).length,
      first: chunks[0].mmhie,
    };
  },

  async usage() {
    const asked = { ...chat, stream: true, stream_options: { include_usage: true } };
    const chunks = await collected(await client.chat.completions.create(asked));
    return { usage: chunks.at(-1).usage };
  },

  async helper() {
    const stream = client.chat.completions.stream(chat);
    const deltas = [];
    stream.on("content", (delta) => deltas.push(delta));
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
    return {
      text: final.choices[0].message.content,
      deltas: deltas.join(""),
      final: final.mmhie,
      label,
    };
  },

  async completions() {
    const answer = await client.completions.create({ model, prompt: "Say hi.", max_tokens: 8 });
    return { text: answer.choices[0].text, mmhie: answer.mmhie };
  },

  async responses() {
    const asked = { model, input: "Say hi.", max_output_tokens: 8 };
    const answer = await client.responses.create(asked);
    return { text: answer.output_text, mmhie: answer.mmhie };
  },

  async responsesStream() {
    const asked = { model, input: "Say hi.", max_output_tokens: 8, stream: true };
    const events = await collected(await client.responses.create(asked));
    const text = events.filter((event) => event.type === "response.output_text.delta");
    return {
      text: text.map((event) => event.delta).join(""),
      types: events.map((event) => event.type),
      created: events[0].response.mmhie,
      completed: events.at(-1).response.mmhie,
    };
  },

  async tool() {
    const answer = await client.chat.completions.create({
      ...chat,
      tools: [tool],
      tool_choice: "required",
    });
    return { name: answer.choices[0].message.tool_calls[0].function.name, mmhie: answer.mmhie };
  },

  async models() {
    const page = await client.models.list();
    const one = await client.models.retrieve(model);
    return { ids: page.data.map((entry) => entry.id), one: one.id };
  },

  async notFound() {
    return client.chat.completions.create({ ...chat, model: "nope" });
  },

  async badRequest() {
    return client.chat.completions.create({ ...chat, temperature: -1 });
  },

  async failing() {
    return client.chat.completions.create(chat);
  },

  async failingStream() {
    return collected(await client.chat.completions.create({ ...chat, stream: true }));
  },

  async failingResponsesStream() {
    const asked = { model, input: "Say hi.", max_output_tokens: 8, stream: true };
    return collected(await client.responses.create(asked));
  },

  async cancel() {
    const stream = await client.chat.completions.create({ ...chat, max_tokens: 400, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === 4) break;
    }
    return { seen };
  },

  async retried() {
    const patient = new OpenAI({ baseURL: `${base}/v1`, apiKey: "any", maxRetries: 2 });
    const answer = await patient.chat.completions.create(chat);
    return { text: answer.choices[0].message.content };
  },
};

await serve(cases, (error) => ({
  kind: error.constructor.name,
  status: error.status ?? null,
  code: error.code ?? null,
  message: error.message,
  requestId: error.requestID ?? null,
}));
