/** One life of a careful app in a process of its own, which ends by SIGKILL: at its kill point, or from outside. */

import { createClient } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { CarefulApp } from "./careful-app.js";
import type { ClientLife } from "./client-kill.js";
import { eagerPlatform } from "./eager-platform.js";
import { momentsOf } from "./kill-point.js";
import { watchedPlatform, watchedStore } from "./watched-ports.js";

const life = JSON.parse(process.argv[2] ?? "") as ClientLife;
const die = () => {
  process.kill(process.pid, "SIGKILL");
};
const fail = (error: unknown) => {
  console.error(error);
  process.exit(1);
};
const moments = life.killPoint === undefined ? {} : momentsOf(life.killPoint, die);
const client = await createClient(watchedPlatform(eagerPlatform(fail), moments), {
  relay: life.relay,
  relayRoot: life.relayRoot,
  userId: life.userId,
  store: watchedStore(levelStore(life.folder), moments),
});
const conversation = await client.openDM({ userId: life.peer });
const app = new CarefulApp(conversation, life.journal, life.userId, {
  shown: () => process.stdout.write("shown\n"),
  failed: fail,
});
process.stdout.write("ready\n");
app.read().then(fail, fail);
await app.sendUpTo(life.sendUpTo);
