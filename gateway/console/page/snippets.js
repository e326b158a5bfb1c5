// The question as code. A key is never in it: each reads MMHIE_API_KEY.

import { address } from "./gateway.js";

const python = JSON.stringify; // a JSON string is a Python string
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(asked) {
  return [
    `curl -sN ${shell(String(address("llm/generate")))} \\`,
    `  -H 'Content-Type: application/json' -H "Authorization: Bearer $MMHIE_API_KEY" \\`,
    `  -d ${shell(JSON.stringify({ ...asked, stream: true }))}`,
  ].join("\n");
}

function openai(asked, model) {
  const { prompt, history = [], system, max_tokens, temperature, reasoning_effort } = asked;
  const messages = [
    ...(system ? [`    {"role": "system", "content": ${python(system)}},`] : []),
    ...history.map((turn) => `    ${python(turn)},`),
    `    {"role": "user", "content": ${python(prompt)}},`,
  ];
  return [
    "import os",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${python(String(address("v1")))}, api_key=os.environ.get("MMHIE_API_KEY", "unused"))`,
    "messages = [",
    ...messages,
    "]",
    "answer = client.chat.completions.create(",
    `    model=${python(model)},`,
    "    messages=messages,",
    ...options({ max_tokens, temperature, reasoning_effort }),
    ")",
    "print(answer.choices[0].message.content)",
    'print(answer.mmhie["disclaimer"]["text"])',
  ].join("\n");
}

function mmhie(asked) {
  const { prompt, include_reasoning, ...rest } = asked;
  return [
    "import os",
    "from mmhie import LLMConfig, MedicalReasoningLLM",
    "",
    `config = LLMConfig(url=${python(String(address(".")).replace(/\/$/, ""))}, api_key=os.environ.get("MMHIE_API_KEY"))`,
    "with MedicalReasoningLLM(config) as llm:",
    "    answer = llm.generate_detailed(",
    `        ${python(prompt)},`,
    ...options(rest).map((line) => `    ${line}`),
    ...(include_reasoning ? ["        include_reasoning=True,"] : []),
    "    )",
    'print(answer.text, answer.disclaimer, sep="\\n")',
  ].join("\n");
}

const options = (given) =>
  Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `    ${name}=${python(value)},`);

export const SNIPPETS = { curl, openai, mmhie };
export const NOTES = {
  curl: "With keys, set MMHIE_API_KEY first.",
  openai: "vLLM’s own API: the budget covers the reasoning too, and the operator’s system message is not added.",
  mmhie: "pip install ./sdk",
};
