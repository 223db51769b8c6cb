/** Commits numbered batches for ever and prints each number once its commit is durable. Arguments: folder, first number. */

import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { levelStore } from "../../../sdk/node/level-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { batchOf } from "./batches.js";

const [folder = "", first = "0"] = process.argv.slice(2);
const store = await SealedStore.open(levelStore(folder), nodePlatform);

/** Several writers, so that commits share writes. */
const WRITERS = 8;
let next = Number(first);
await Promise.all(
  Array.from({ length: WRITERS }, async () => {
    for (;;) {
      const number = next++;
      await store.commit(batchOf(number));
      process.stdout.write(`${number}\n`);
    }
  }),
);
