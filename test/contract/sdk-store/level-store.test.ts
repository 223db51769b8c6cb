import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { levelStore } from "../../../sdk/node/level-store.js";
import { describeSdkStore } from "./describe-sdk-store.js";

describeSdkStore("on LevelDB", {
  async make() {
    const folder = await mkdtemp(join(tmpdir(), "sotto-store-"));
    return {
      store: levelStore(folder).store,
      again: () => levelStore(folder).store,
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
});
