/** Questions asked before there is a screen. */

import { createInterface } from "node:readline/promises";

/** Asks, and answers whether the user typed a yes. */
export async function agrees(question: string): Promise<boolean> {
  const input = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y/i.test(await input.question(question));
  } finally {
    input.close();
  }
}

/** Shows a link's code and asks whether the old device shows the same. */
export async function agreesOnCode(code: string): Promise<boolean> {
  console.log(
    `This device shows ${code}. Type /code ${code.replaceAll(" ", "")} on the old device if it shows the same.`,
  );
  return agrees("Does the old device show the same code? [y/N] ");
}
