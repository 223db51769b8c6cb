/** A client in a process of its own that dies by SIGKILL while its nth part is on the way. */

import { createClient } from "@sotto/sdk";
import { levelStore, nodePlatform } from "@sotto/sdk/node";
import { eagerPlatform } from "./eager-platform.js";

/** What one life is told. */
export interface UploadLife {
  readonly relay: string;
  readonly userId: string;
  readonly folder: string;
  readonly path: string;
  /** The part that is on the way when it dies. */
  readonly part: number;
}

/** Turns of the event loop for which the part is on the way. */
const TURNS_BEFORE_DEATH = 3;

const life = JSON.parse(process.argv[2] ?? "") as UploadLife;
const platform = eagerPlatform();
let parts = 0;
const client = await createClient(
  {
    ...platform,
    async http(ask) {
      const answer = nodePlatform.http(ask);
      if (ask.method !== "PATCH") return answer;
      parts += 1;
      if (parts < life.part) return answer;
      for (let turn = 0; turn < TURNS_BEFORE_DEATH; turn++) await new Promise(setImmediate);
      process.kill(process.pid, "SIGKILL");
      return answer;
    },
  },
  { relay: life.relay, userId: life.userId, store: levelStore(life.folder) },
);
await client.attachments.upload(life.path);
process.stdout.write("it outlived its death\n");
