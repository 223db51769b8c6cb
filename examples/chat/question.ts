/** Questions asked before there is a screen. */

import { createInterface } from "node:readline/promises";

/** Shows a link's code and asks whether the old device shows the same. */
export async function agreesOnCode(code: string): Promise<boolean> {
  const input = createInterface({ input: process.stdin, output: process.stdout });
  try {
    console.log(
      `This device shows ${code}. Type /code ${code.replaceAll(" ", "")} on the old device if it shows the same.`,
    );
    return /^y/i.test(await input.question("Does the old device show the same code? [y/N] "));
  } finally {
    input.close();
  }
}
