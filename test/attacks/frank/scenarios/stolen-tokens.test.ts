/** Attack 12 on real clients: malware took a device's token keys. Once its account may not speak, what comes under them is not shown. */

import { deriveDeliveryKey, tokenName } from "@sotto/protocol";
import type { Client } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Act } from "../../../../server/desk/api.js";
import { draftable, submitted } from "../../../scenarios/reports/people.js";
import { Attack } from "../../../scenarios/security/attack.js";
import { AtDesk } from "../../../support/at-desk.js";
import { until } from "../../../support/group-people.js";
import { contentOf, type HeldToken, payloadOf, RawDevice } from "../../../support/raw-client/index.js";
import { itemsUntil } from "../../../support/world.js";
import { partsOf } from "./between.js";

let attack: Attack;
let desk: AtDesk;
let victim: Client;
/** Somebody else, whose connection the thief uses. */
let accomplice: RawDevice;
/** Taken from the device before anybody knew. */
let stolen: readonly HeldToken[];

beforeEach(async () => {
  attack = await Attack.open();
  desk = await AtDesk.join(attack.world);
  accomplice = await RawDevice.register(attack.world.url, "accomplice");
  victim = attack.pair.bob;
  const { franks } = attack.mallory;
  stolen = [await franks.token(), await franks.token(), await franks.token()];
});
afterEach(async () => {
  await accomplice.close();
  await attack.close();
});

/** What the thief makes with one of the stolen tokens, past every server. */
async function written(text: string, token = stolen[0]): Promise<Uint8Array> {
  const { mallory, bob } = attack;
  const payload = payloadOf(contentOf(mallory, bob.account, { kind: "text", text }));
  if (payload.type !== "content") throw new Error("a content");
  const audience = { kind: "account", account: bob.account } as const;
  const { frank, commitment } = await mallory.franks.frank(payload.content, audience, token && { token });
  return mallory.sealFranked(bob, { ...payload, frank }, commitment);
}

/** Has moderators do something on the ground of a report of this text. */
async function decided(text: string, act: Partial<Act> & Pick<Act, "kind">): Promise<string> {
  const toMallory = await victim.openDM({ accountId: attack.mallory.account });
  const [bad] = (await itemsUntil(toMallory, (item) => item.kind === "text" && item.text === text)).slice(-1);
  if (bad === undefined) throw new Error("it was shown");
  const draft = await draftable(victim, () => toMallory.draftReport([bad], { category: "scam" }));
  const { id } = await desk.caseWith((await submitted(victim, draft)).id);
  await desk.service.claim(desk.by, id);
  const { actions } = await desk.service.act(desk.by, id, { category: "scam", rule: "No theft.", ...act });
  const [action] = actions;
  if (action?.state === "waiting") {
    const second = await AtDesk.join(attack.world, ["community"], desk);
    await second.service.approve(second.by, action.id, "approve");
  }
  return id;
}

const isNamed = (token: HeldToken | undefined) => () =>
  token !== undefined && partsOf(victim).realm.isRevoked(tokenName(token.publicKey));
const refused = async () => (await victim.debugBundle()).counts["unshown.revoked"] ?? 0;

async function shown(text: string): Promise<boolean> {
  const toMallory = await victim.openDM({ accountId: attack.mallory.account });
  const items = await toMallory.latest(100);
  return items.some((item) => item.kind === "text" && item.text === text);
}

describe("tokens that were stolen", () => {
  const acts: readonly (readonly [string, Partial<Act> & Pick<Act, "kind">])[] = [
    ["its account is muted", { kind: "mute", durationMs: 3_600_000 }],
    ["its account is suspended", { kind: "suspend" }],
    ["the device is revoked", { kind: "revokeDevice", device: 1 }],
  ];

  for (const [when, act] of acts) {
    it(`are good until the moderators hear of it, and show nothing once ${when} and the feed came`, async () => {
      await attack.deliver([await written("with a stolen token")]);
      await until(() => shown("with a stolen token"), "what was shown");
      // Sealed while it was good; the relay cannot know whose it is, then or later.
      const kept = [await written("kept for later"), await written("and this", stolen[1])];
      await decided("with a stolen token", act);
      await until(isNamed(stolen[0]), "the feed");
      for (const body of kept) await deliverUnseen(body);
      await until(async () => (await refused()) === kept.length, "what was refused");
      expect([await shown("kept for later"), await shown("and this")]).toEqual([false, false]);
    });
  }

  it("of one device that was revoked leave the account's other devices alone", async () => {
    await attack.deliver([await written("from the first device")]);
    await until(() => shown("from the first device"), "what was shown");
    await decided("from the first device", { kind: "revokeDevice", device: 2 });
    await attack.deliver([await written("still this device", stolen[1])]);
    await until(() => shown("still this device"), "what is shown still");
    expect(await refused()).toBe(0);
  });
});

/** Sealed delivery names nobody: the relay takes it from whoever has the recipient's delivery key. */
async function deliverUnseen(body: Uint8Array): Promise<void> {
  const deliveryKey = deriveDeliveryKey(partsOf(victim).account.current.profileKey);
  expect(await accomplice.deliver(attack.bob, body, { deliveryKey })).toMatchObject({ type: "accepted" });
}
