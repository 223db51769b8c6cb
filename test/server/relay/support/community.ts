/** A group and the people a message of it goes to. */

import { memoryStore } from "../../../../server/store/index.js";
import type { TestDevice } from "./device.js";
import { ManualClock } from "./manual-clock.js";
import { TestGroup } from "./test-group.js";
import { POLICY, TestRelay, type TestRelayOptions } from "./test-relay.js";
import { settle } from "./turns.js";

/** A relay, a group with one entry, and people who are online. */
export async function community(names: readonly string[], options: TestRelayOptions = {}) {
  const relay = await TestRelay.start(options);
  const people = await Promise.all(names.map((name) => relay.person(name)));
  const { group, client: sender } = await TestGroup.start(relay);
  return { relay, people, group, sender, devices: people.map(({ device }) => [device] as const) };
}

/** People and groups, and a relay on the same store whose limiters hold a 250th. */
export async function strictly(names: readonly string[], groups: number) {
  const clock = new ManualClock();
  const store = memoryStore({ clock });
  await store.open();
  const { relay, devices } = await community(names, { clock, store });
  const started = await Promise.all(Array.from({ length: groups }, () => TestGroup.start(relay)));
  const strict = await TestRelay.start({ clock, store, policy: { limiterScale: 1 / 250 } });
  type Groups = readonly [TestGroup, TestGroup, TestGroup, TestGroup, TestGroup];
  type Devices = readonly [readonly [TestDevice], readonly [TestDevice]];
  return {
    strict,
    groups: started.map(({ group }) => group) as unknown as Groups,
    devices: devices as unknown as Devices,
  };
}

/** Answers that leave as late as refusals do. */
export async function late(relay: TestRelay): Promise<void> {
  await settle();
  relay.clock.advance(POLICY.refusalDelayMs);
}
