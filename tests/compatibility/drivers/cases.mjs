// The cases of an npm client: a name a line in, its result or its error as JSON out.
import { createInterface } from "node:readline";

export async function serve(cases, told) {
  for await (const name of createInterface({ input: process.stdin })) {
    try {
      console.log(JSON.stringify({ result: await cases[name]() }));
    } catch (error) {
      console.log(JSON.stringify({ error: told(error) }));
    }
  }
}
