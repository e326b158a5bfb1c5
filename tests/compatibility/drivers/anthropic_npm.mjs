// The official anthropic npm package, as tests/clients installs it.
import { collected, describe, load, model, serve, url } from "./cases.mjs";

const Anthropic = load("@anthropic-ai/sdk").default;
const client = new Anthropic({ baseURL: url, apiKey: "any", maxRetries: 0 });
const messages = [{ role: "user", content: "Say hi." }];
const asking = { model, messages, max_tokens: 8, temperature: 0 };
const schema = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};
const tools = [{ name: "dose", input_schema: { type: "object", properties: {} } }];

const create = (more) => client.messages.create({ ...asking, ...more });

const cases = {
  async whole() {
    const answer = await create();
    return { text: answer.content[0].text, mmhie: answer.mmhie, requestId: answer._request_id };
  },

  async stream() {
    const events = await collected(await create({ stream: true }));
    return {
      text: events.map((event) => event.delta?.text ?? "").join(""),
      first: events[0].message.mmhie,
      closing: events.at(-2).mmhie,
      last: events.at(-1).type,
    };
  },

  async helper() {
    const stream = client.messages.stream(asking);
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
    return JSON.parse((await create({ max_tokens: 100, output_config: { format } })).content[0].text);
  },

  async tool() {
    const forced = { ...asking, tools, tool_choice: { type: "any" } };
    const whole = await client.messages.create(forced);
    const streamed = await client.messages.stream(forced).finalMessage();
    return { whole: whole.content, streamed: streamed.content, mmhie: streamed.mmhie };
  },

  "broken helper": () => client.messages.stream(asking).finalMessage(),
};

await serve(cases, (error) => describe(error, "anthropic"));
