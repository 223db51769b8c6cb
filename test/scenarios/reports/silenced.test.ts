/** Somebody who was silenced and does not care: the relay takes what it sends, with tokens from before, and nobody is shown it. */

import type { Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../../support/at-desk.js";
import { until } from "../../support/group-people.js";
import { Attack } from "../security/attack.js";
import { draftable, submitted } from "./people.js";

let attack: Attack;
let desk: AtDesk;

beforeEach(async () => {
  attack = await Attack.open();
  desk = await AtDesk.join(attack.world);
});
afterEach(() => attack.close());

describe("a muted account", () => {
  it("is shown to nobody who heard of it, whatever tokens its client kept, until that is lifted", async () => {
    const { mallory } = attack;
    const { bob } = attack.pair;
    const toMallory = await bob.openDM({ accountId: mallory.account });
    const says = async (text: string) => attack.deliver([await attack.sealed({ kind: "text", text })]);
    const shown = async () =>
      (await toMallory.latest(1_000)).flatMap((item) => (item.kind === "text" ? item.text : []));
    const refused = async () => (await bob.debugBundle()).counts["unshown.revoked"] ?? 0;

    await attack.sayHonestly("you will regret it");
    const bad = (await toMallory.latest(1)) as readonly (Item & { readonly messageId: never })[];
    const draft = await draftable(bob, () => toMallory.draftReport([...bad], { category: "threat" }));
    const { id } = await desk.caseWith((await submitted(bob, draft)).id);
    await desk.service.claim(desk.by, id);
    const act = { kind: "mute", durationMs: 3_600_000, category: "threat", rule: "No threats." } as const;
    const { actions } = await desk.service.act(desk.by, id, act);

    await until(async () => {
      await says("is this on?");
      return (await refused()) > 0;
    }, "the word of the mute at who is written to");
    const before = await refused();
    await says("you cannot stop me");
    await until(async () => (await refused()) > before, "the refusal");
    expect(await shown()).toContain("you will regret it");
    expect(await shown()).not.toContain("you cannot stop me");

    const lift = { kind: "lift", category: "threat", rule: "It said sorry.", lifts: actions[0]?.id ?? "" } as const;
    await desk.service.act(desk.by, id, lift);
    await until(async () => {
      await says("I am sorry");
      return (await shown()).includes("I am sorry");
    }, "the end of the mute at who is written to");
  });
});
