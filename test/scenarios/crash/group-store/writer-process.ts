/** One life of a store under the load of groups, in a process of its own, which ends by SIGKILL. Prints what was answered. */

import { levelStore } from "../../../../server/store/index.js";
import { freshSeed, seededRandom } from "../../../support/crash/seeded-random.js";
import { MAILBOXES, runLoad } from "./load.js";

const [folder = "", life = "0"] = process.argv.slice(2);
/** More than any life gets to. */
const STEPS = 1_000_000;
const MESSAGES_PER_LIFE = 100_000_000;
// The load's time goes on over all lives, so that what one life stored can expire in the next.
let nowMs = 1_700_000_000_000 + Number(life) * 10_000;
const clock = {
  now: () => nowMs,
  monotonic: () => performance.now(),
  after() {
    throw new Error("a store sets no timers");
  },
};
const store = levelStore({ folder, clock });
await store.open();
for (const mailbox of MAILBOXES) await store.mail.create(mailbox);
const load = {
  store,
  random: seededRandom(freshSeed()),
  firstMessage: Number(life) * MESSAGES_PER_LIFE,
  now: () => {
    nowMs += 1;
    return nowMs;
  },
  // A write to a pipe is synchronous on Linux: what was answered is told before anything else happens.
  done: (what: unknown) => void process.stdout.write(`${JSON.stringify(what)}\n`),
};
await runLoad(load, STEPS);
