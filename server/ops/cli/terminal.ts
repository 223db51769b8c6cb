/** What commands say to and ask of the person at the terminal. */

import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { OperatorError } from "../operator-error.js";

/** Output, errors, and questions whose answer is not shown. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  /**
   * Asks for a secret: typed without being shown, or the first line of standard input where that is no terminal.
   *
   * @throws OperatorError if nothing was given.
   */
  askSecret(question: string): Promise<string>;
}

/** The process's own terminal. */
export const processTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  async askSecret(question) {
    if (process.stdin.isTTY) process.stderr.write(question);
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY });
    try {
      const answer = await new Promise<string>((resolve) => {
        lines.once("line", resolve);
        lines.once("close", () => resolve(""));
      });
      if (process.stdin.isTTY) process.stderr.write("\n");
      if (answer === "") throw new OperatorError("No passphrase was given.", 2);
      return answer;
    } finally {
      lines.close();
    }
  },
};
