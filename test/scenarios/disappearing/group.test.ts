/** A group's timer, over a real relay: it is in the group's log, and reading is told to own devices alone. */

import type { Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/devices-of.js";
import { groupOf, reads, wordsOf } from "../../support/group-people.js";
import { Linker } from "../../support/linking.js";
import { World } from "../../support/world.js";

const TIMER_MS = 700;

let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

async function isEmpty(group: Group): Promise<void> {
  await eventually(
    () => wordsOf(group),
    (seen) => seen.length === 0,
  );
}

describe("a group with a timer", () => {
  it("ends what was read on any device of a member, and what was said on its author's", async () => {
    const [alice, bob, carol] = await Promise.all([world.client("alice"), world.client("bob"), world.client("carol")]);
    const [ofAlice, ofBob, ofCarol] = await groupOf([alice, bob, carol]);
    if (ofAlice === undefined || ofBob === undefined || ofCarol === undefined) throw new Error("a group of three");
    const laptop = await linker.link(bob, "bob-laptop", { userId: "bob" });
    const ofLaptop = await eventually(
      () => laptop.groups.get(ofBob.id),
      (group) => group !== undefined,
    );
    await ofAlice.update({ timerMs: TIMER_MS });
    const said = ofAlice.send({ text: "short" });
    await said.accepted;
    await Promise.all([reads(ofBob, "short"), reads(ofCarol, "short")]);
    if (ofLaptop === undefined) throw new Error("the laptop is in the group");
    await reads(ofLaptop, "short");
    await isEmpty(ofAlice);
    expect(await wordsOf(ofBob)).toHaveLength(1);

    await ofBob.markRead([said.id]);
    await eventually(
      async () => (await ofBob.latest(10)).some((item) => item.kind === "text" && item.status === "read"),
      (isRead) => isRead,
      TIMER_MS,
    ).catch(() => undefined); // it may be gone by now
    await Promise.all([isEmpty(ofBob), isEmpty(ofLaptop)]);
    // Nobody else is told who read what, and nobody else's time runs.
    expect(await wordsOf(ofCarol)).toHaveLength(1);
    await ofCarol.markRead([said.id]);
    await isEmpty(ofCarol);
  });
});
