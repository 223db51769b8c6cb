/** The contract of the engine port. Every engine passes it. */

import { beforeAll, describe } from "vitest";
import type { Engine } from "../../../sdk/core/ports.js";
import { fixtureOf } from "./fixture.js";
import { describeGroups } from "./groups.js";
import { describeIdentities } from "./identities.js";
import { describeKeys } from "./keys.js";
import { describeSealed } from "./sealed.js";
import { describeSenderKeyMessages } from "./sender-key-messages.js";
import { describeSenderKeys } from "./sender-keys.js";
import { describeSessions } from "./sessions.js";

/** Runs the engine contract on what `load` yields. */
export function describeEngine(name: string, load: () => Promise<Engine>): void {
  describe(`the engine ${name}`, () => {
    let engine: Engine | undefined;
    beforeAll(async () => {
      engine = await load();
    });
    const fixture = fixtureOf(() => {
      if (engine === undefined) throw new Error("the engine is not loaded");
      return engine;
    });
    describeKeys(fixture);
    describeSessions(fixture);
    describeIdentities(fixture);
    describeSealed(fixture);
    describeSenderKeys(fixture);
    describeSenderKeyMessages(fixture);
    describeGroups(fixture);
  });
}
