/** Who may write to whom, at a real relay over real sockets: every relation, every policy, every kind of send. */

import { randomBytes } from "node:crypto";
import { type FirstContactPolicy, firstContactPolicies } from "@sotto/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FrameSocket, newMessageId, type RawDevice, type SendOver } from "../../support/raw-client/index.js";
import { World } from "../../support/world.js";
import { outcome, setAccess } from "./asking.js";
import { GrantingHost } from "./granting-host.js";

type Relation = "stranger" | "stranger with grant" | "contact" | "former contact" | "blocked";
type Kind = "first message" | "second message" | "reply" | "repair";

const kinds = ["first message", "second message", "reply", "repair"] as const satisfies readonly Kind[];
const OK = "accepted";
const NO = "notAllowed";
const PENDING = "requestPending";

/** Columns in the order of `kinds`. */
const matrix: Readonly<
  Record<Relation, Readonly<Record<FirstContactPolicy, readonly [string, string, string, string]>>>
> = {
  stranger: {
    everyone: [OK, PENDING, OK, OK],
    grant: [NO, NO, OK, NO],
    contacts: [NO, NO, OK, NO],
    nobody: [NO, NO, OK, NO],
  },
  "stranger with grant": {
    everyone: [OK, PENDING, OK, OK],
    grant: [OK, PENDING, OK, OK],
    contacts: [NO, NO, OK, NO],
    nobody: [NO, NO, OK, NO],
  },
  contact: {
    everyone: [OK, OK, OK, OK],
    grant: [OK, OK, OK, OK],
    contacts: [OK, OK, OK, OK],
    nobody: [OK, OK, OK, OK],
  },
  "former contact": {
    everyone: [OK, OK, OK, OK],
    grant: [OK, OK, OK, OK],
    contacts: [OK, OK, OK, OK],
    nobody: [NO, NO, OK, NO],
  },
  blocked: {
    everyone: [NO, NO, NO, NO],
    grant: [NO, NO, NO, NO],
    contacts: [NO, NO, NO, NO],
    nobody: [NO, NO, NO, NO],
  },
};

const host = new GrantingHost();
let world: World;
const people: RawDevice[] = [];
beforeAll(async () => {
  world = await World.open({ ...host.settings, refusalDelay: 1 });
});
afterAll(async () => {
  await Promise.all(people.map((one) => one.close()));
  await world?.close();
});

/** A new person. */
async function person(): Promise<{ readonly name: string; readonly device: RawDevice }> {
  const name = randomBytes(6).toString("hex");
  const device = await host.user(world.url, name);
  people.push(device);
  return { name, device };
}

/** Plays one cell of the matrix between two people nobody met before; answers what the send of its kind got. */
async function play(relation: Relation, policy: FirstContactPolicy, kind: Kind): Promise<string> {
  const [sender, recipient] = await Promise.all([person(), person()]);
  const { deliveryKey } = recipient.device;
  if (kind === "reply") expect(await outcome(recipient.device, sender.device)).toBe(OK);
  await setAccess(recipient.device, {
    firstContact: policy,
    ...(relation === "blocked" ? { blocked: [sender.device.account] } : {}),
    ...(relation === "former contact" ? { deliveryKey: new Uint8Array(randomBytes(16)) } : {}),
  });
  const shown = async (): Promise<SendOver> => {
    if (relation === "contact" || relation === "former contact") return { deliveryKey };
    if (relation !== "stranger with grant") return {};
    return { grant: await host.grant(sender.name, recipient.name, { nonce: randomBytes(8).toString("hex") }) };
  };
  const send = async (over: SendOver = {}) => outcome(sender.device, recipient.device, { ...(await shown()), ...over });
  if (kind === "first message") {
    const messageId = newMessageId();
    const first = await send({ messageId });
    expect(await send({ messageId }), "a repeat under the same id").toBe(first);
    return first;
  }
  if (kind === "second message") {
    await send();
    return send();
  }
  if (kind === "reply") {
    expect(await send()).toBe(await send());
    return send();
  }
  await send();
  return send({ purpose: "repair" });
}

describe.each(Object.keys(matrix) as readonly Relation[])("a %s", (relation) => {
  it.each(firstContactPolicies)("under the policy %s", async (policy) => {
    const played = await Promise.all(kinds.map((kind) => play(relation, policy, kind)));
    expect(Object.fromEntries(kinds.map((kind, at) => [kind, played[at]]))).toEqual(
      Object.fromEntries(kinds.map((kind, at) => [kind, matrix[relation][policy][at]])),
    );
  });
});

describe("a blocked contact", () => {
  it("is refused with the right key, a former key and no key, and can still write sealed until the key is rotated", async () => {
    const [sender, recipient] = await Promise.all([person(), person()]);
    const { deliveryKey } = recipient.device;
    const blocked = [sender.device.account];
    await setAccess(recipient.device, { blocked });
    expect(await outcome(sender.device, recipient.device, { deliveryKey })).toBe(NO);
    const sealed = await FrameSocket.anonymous(world.url);
    const send = async () => {
      const { account, device, registrationId } = recipient.device;
      const envelopes = [{ device, registrationId, body: new Uint8Array(8) }];
      const answer = await sealed.ask({
        type: "send",
        messageId: newMessageId(),
        storage: "stored",
        commitment: new Uint8Array(randomBytes(32)),
        urgency: "normal",
        purpose: "message",
        wantBundles: "no",
        recipients: [{ account, deliveryKey, scope: "all", envelopes }],
      });
      return answer.type;
    };
    expect(await send()).toBe(OK);
    await setAccess(recipient.device, { blocked, deliveryKey: new Uint8Array(randomBytes(16)) });
    expect(await send()).toBe("failed");
    expect(await outcome(sender.device, recipient.device, { deliveryKey })).toBe(NO);
    expect(await outcome(sender.device, recipient.device)).toBe(NO);
    await setAccess(recipient.device, { deliveryKey: new Uint8Array(randomBytes(16)) });
    expect(await outcome(sender.device, recipient.device, { deliveryKey })).toBe(OK);
    await sealed.close();
  });
});

describe("the community's floor", () => {
  it("counts where it is stricter, and is what others are told", async () => {
    const strict = await World.open({
      ...host.settings,
      refusalDelay: 1,
      firstContactFloor: "grant",
      grantBases: ["mutual_follow", "credit"],
    });
    const [alice, bob] = await Promise.all([host.user(strict.url, "alice"), host.user(strict.url, "bob")]);
    try {
      const asked = await bob.socket.ask({ type: "resolve", userId: "alice" });
      expect(asked).toMatchObject({
        account: alice.account,
        firstContact: "grant",
        bases: ["mutual_follow", "credit"],
      });
      expect(await outcome(bob, alice)).toBe(NO);
      expect(await outcome(bob, alice, { grant: await host.grant("bob", "alice", { basis: "a whim" }) })).toBe(
        "badGrant",
      );
      expect(await outcome(bob, alice, { grant: await host.grant("bob", "alice", { basis: "credit" }) })).toBe(OK);
      await setAccess(alice, { firstContact: "nobody" });
      expect(await bob.socket.ask({ type: "resolve", userId: "alice" })).toMatchObject({ firstContact: "nobody" });
    } finally {
      await Promise.all([alice.close(), bob.close()]);
      await strict.close();
    }
  });
});
