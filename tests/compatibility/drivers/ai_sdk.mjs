// The Vercel AI SDK, with the gateway as an OpenAI-compatible endpoint.
import { asked, load, model, serve, url } from "./cases.mjs";

const { generateText, jsonSchema, Output, streamText, tool } = await import(load.resolve("ai"));
const { createOpenAICompatible } = await import(load.resolve("@ai-sdk/openai-compatible"));
const provider = createOpenAICompatible({
  name: "gateway",
  baseURL: `${url}/v1`,
  apiKey: "any",
  supportsStructuredOutputs: true,
});
const common = {
  model: provider(model),
  prompt: asked.chat.messages[0].content,
  maxOutputTokens: asked.chat.max_tokens,
  temperature: 0,
  maxRetries: 0,
};
const schema = jsonSchema(asked.schema);
const header = (answer) => answer.response.headers["x-mmhie-disclaimer-version"];

// It tells of errors in the stream's parts; without a listener it prints them.
async function collected(more) {
  let failure;
  const { textStream } = streamText({
    ...common,
    ...more,
    onError: ({ error }) => {
      failure = error;
    },
  });
  let text = "";
  for await (const piece of textStream) text += piece;
  if (failure) throw failure;
  return text;
}

const cases = {
  async chat() {
    const answer = await generateText(common);
    return { text: answer.text, header: header(answer) };
  },

  stream: async () => ({ text: await collected({}) }),

  async tools() {
    const dose = tool({ description: "A dose.", inputSchema: schema, strict: true });
    const toolChoice = { type: "tool", toolName: "dose" };
    const answer = await generateText({ ...common, tools: { dose }, toolChoice });
    const [call] = answer.toolCalls;
    return { name: call.toolName, arguments: call.input, header: header(answer) };
  },

  async "structured output"() {
    const answer = await generateText({ ...common, output: Output.object({ schema }) });
    return { value: answer.output, header: header(answer) };
  },

  "not found": async () => ({ text: await collected({ model: provider("nope") }) }),
  "bad request": async () => ({ text: await collected({ temperature: -1 }) }),
  failing: async () => ({ text: (await generateText(common)).text }),
  "broken stream": async () => ({ text: await collected({}) }),

  async cancel() {
    const leaving = new AbortController();
    const { textStream } = streamText({
      ...common,
      maxOutputTokens: asked.endless.max_tokens,
      providerOptions: { gateway: { ignore_eos: true } },
      abortSignal: leaving.signal,
      onError: () => {},
    });
    let seen = 0;
    for await (const _ of textStream) {
      seen += 1;
      if (seen === 4) break;
    }
    leaving.abort();
    return { seen };
  },
};

await serve(cases, (error) => ({
  kinds: [`ai.${error.name ?? error.constructor.name}`],
  status: error.statusCode ?? null,
  message: String(error.message ?? error),
}));
