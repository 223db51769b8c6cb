/** A limiter of the relay holds reports up, and says so; none is lost. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { AtDesk } from "../../support/at-desk.js";
import { until } from "../../support/group-people.js";
import { itemsUntil, World } from "../../support/world.js";
import { draftable } from "./people.js";

let world: World;
beforeEach(async () => {
  world = await World.open({ limiterScale: 1 });
});
afterEach(() => world.close());

/** What the relay takes of one account at once. */
const CAPACITY = 30;

it("beyond the relay's limit a report waits, says why, and is still there after a restart", async () => {
  await AtDesk.join(world);
  const { alice, toBob, toAlice } = await world.pair();
  await toAlice.send({ text: "bad" }).accepted;
  const [bad] = (await itemsUntil(toBob, (item) => item.kind === "text")).slice(-1);
  const ids: string[] = [];
  for (let at = 0; at <= CAPACITY; at++) {
    const draft = await draftable(alice, () => toBob.draftReport([bad as never], { category: "spam" }));
    ids.push((await draft.submit({ consent: draft.disclosure.hash })).id);
  }
  const last = async (client = alice) => client.reports.get(ids[CAPACITY] as string);
  await until(async () => (await last())?.failure !== undefined, "the limiter's word");
  expect(await last()).toMatchObject({ stage: "waiting", failure: "tooManyRequests" });
  await alice.close();
  const again = await world.client("alice");
  expect(await last(again)).toMatchObject({ stage: "waiting" });
  const taken = (await again.reports.list()).filter(({ stage }) => stage !== "waiting");
  expect(taken).toHaveLength(CAPACITY);
});
