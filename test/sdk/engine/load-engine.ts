/** Loads the engine and prints its name, or the code and message of the failure. Argument: a module to import first. */

import { SottoError } from "@sotto/protocol";
import { libsignalEngine } from "../../../sdk/engine/libsignal.js";

const [first] = process.argv.slice(2);
if (first !== undefined) await import(first);
try {
  const { name } = await libsignalEngine();
  process.stdout.write(`${name}\n`);
} catch (error) {
  process.stdout.write(error instanceof SottoError ? `${error.code}\n${error.message}\n` : `${String(error)}\n`);
}
