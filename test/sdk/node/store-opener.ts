/** Opens the store in the folder given, says `open` or the code of the refusal, and holds it until it is killed. */

import { SottoError } from "@sotto/protocol";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { levelStore } from "../../../sdk/node/level-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";

try {
  await SealedStore.open(levelStore(process.argv[2] ?? ""), nodePlatform);
  process.stdout.write("open\n");
  process.stdin.resume();
  setInterval(() => {}, 60_000);
} catch (error) {
  process.stdout.write(`${error instanceof SottoError ? error.code : String(error)}\n`);
}
