/** Waits for an hour that must not come. */

import { systemClock } from "../../../sdk/node/clock.js";

systemClock.after(3_600_000, () => process.stdout.write("an hour later\n"));
process.stdout.write("waiting\n");
