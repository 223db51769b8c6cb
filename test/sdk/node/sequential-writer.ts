/** Commits as many batches as asked, one after the other, then closes. Arguments: folder, count. */

import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { levelStore } from "../../../sdk/node/level-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { batchOf } from "./batches.js";

const [folder = "", count = "0"] = process.argv.slice(2);
const store = await SealedStore.open(levelStore(folder), nodePlatform);
for (let number = 0; number < Number(count); number++) {
  await store.commit(batchOf(number));
  process.stdout.write(`${number}\n`);
}
await store.close();
