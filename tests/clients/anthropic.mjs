// Cases of the official anthropic npm client against a gateway: a name a line in, its result as JSON out.
//   node anthropic.mjs BASE_URL MODEL
import Anthropic from "@anthropic-ai/sdk";
import { serve } from "../compatibility/drivers/cases.mjs";

const [baseURL, model] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: "any", maxRetries: 0 });
const messages = [{ role: "user", content: "Say hi." }];
const asked = { model, messages, max_tokens: 8, temperature: 0 };
const schema = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};
const tools = [{ name: "dose", input_schema: { type: "object", properties: {} } }];

async function collected(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

const cases = {
  async whole() {
    const answer = await client.messages.create(asked);
    return { text: answer.content[0].text, mmhie: answer.mmhie, requestId: answer._request_id };
  },

  async stream() {
    const events = await collected(await client.messages.create({ ...asked, stream: true }));
    return {
      text: events.map((event) => event.delta?.text ?? "").join(""),
      first: events[0].message.mmhie,
      closing: events.at(-2).mmhie,
      last: events.at(-1).type,
    };
  },

  async helper() {
    const stream = client.messages.stream(asked);
    const deltas = [];
    stream.on("text", (delta) => deltas.push(delta));
    const final = await stream.finalMessage();
    return {
      text: final.content[0].text,
      deltas: deltas.join(""),
      mmhie: final.mmhie,
      reason: final.stop_reason,
    };
  },

  async structured() {
    const format = { type: "json_schema", schema };
    const answer = await client.messages.create({
      ...asked,
      max_tokens: 100,
      output_config: { format },
    });
    return JSON.parse(answer.content[0].text);
  },

  async tool() {
    const forced = { ...asked, tools, tool_choice: { type: "any" } };
    const whole = await client.messages.create(forced);
    const streamed = await client.messages.stream(forced).finalMessage();
    return { whole: whole.content, streamed: streamed.content, mmhie: streamed.mmhie };
  },

  async count() {
    return { tokens: (await client.messages.countTokens({ model, messages })).input_tokens };
  },

  notFound: () => client.messages.create({ ...asked, model: "nope" }),
  badRequest: () => client.messages.create({ ...asked, temperature: -1 }),
  failing: () => client.messages.create(asked),
  failingStream: async () => collected(await client.messages.create({ ...asked, stream: true })),
  failingHelper: () => client.messages.stream(asked).finalMessage(),

  async cancel() {
    const stream = await client.messages.create({ ...asked, max_tokens: 400, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === 4) break;
    }
    return { seen };
  },
};

await serve(cases, (error) => ({
  kind: error.constructor.name,
  status: error.status ?? null,
  type: error.type ?? null,
  body: error.error ?? null,
  message: error.message,
  requestId: error.requestID ?? null,
}));
