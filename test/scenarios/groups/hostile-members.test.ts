/**
 * What a member of a group can do with a modified client: nothing to what honest members see, and nothing without bound. Every
 * lie is counted (`debugBundle()`), and the group goes on.
 */

import { randomBytes } from "node:crypto";
import { join as pathOf } from "node:path";
import {
  type AccountId,
  type Content,
  type DeviceId,
  decodeGroupEntry,
  encodeGroupBody,
  encodePayload,
  type GroupStanding,
  hashDeliveryKey,
  limits,
  type Payload,
} from "@sotto/protocol";
import { type Client, type Group, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_HELD } from "../../../sdk/core/inbox/held-mail.js";
import { keys, range } from "../../../sdk/core/rows.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { everybodySees, groupOf, join, membersOf, reads, until } from "../../support/group-people.js";
import { countsOf, countsSince, goesOn, pictureOf, textsOf } from "../../support/hostile-groups/people.js";
import { RogueMember } from "../../support/hostile-groups/rogue-member.js";
import { Linker } from "../../support/linking.js";
import { newContentId, RawDevice } from "../../support/raw-client/index.js";
import { World } from "../../support/world.js";

let world: World;
let alice: Client;
let bob: Client;
/** Alice owns the group, Bob and Mallory are members. */
let hers: Group;
let his: Group;
let mallory: RogueMember;
/** Everybody honest. */
let honest: readonly Group[];

beforeEach(async () => {
  world = await World.open();
  [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
  const client = await world.client("mallory");
  const groups = await groupOf([alice, bob, client], { title: "Team", whoInvites: "members" });
  const theirs = groups[2] as Group;
  [hers, his] = groups as [Group, Group];
  honest = [hers, his];
  await theirs.send({ text: "an honest beginning" }).accepted;
  await hers.send({ text: "welcome" }).accepted;
  for (const group of groups) for (const text of ["an honest beginning", "welcome"]) await reads(group, text);
  await client.close();
  mallory = await RogueMember.takeOver(world, "mallory", hers.id);
});
afterEach(async () => {
  await goesOn(honest);
  await mallory.close();
  await world.close();
});

function text(words: string) {
  return { kind: "text", text: words } as const;
}

/** What everybody honest shows now, once they read the log to its end. */
async function pictures() {
  for (const group of honest) await group.refresh();
  return Promise.all(honest.map(pictureOf));
}

/** A key that is none of anybody's. */
function curveKey(): Uint8Array {
  return mallory.engine.generateIdentity().publicKey;
}

/** Lets Mallory say something honest and waits for it: everything it said before was handled then. */
async function settled(words = "an honest word"): Promise<void> {
  await mallory.read();
  expect(await mallory.say(mallory.payload(mallory.content(text(words))))).toMatchObject({ type: "accepted" });
  for (const group of honest) await reads(group, words);
}

describe("a member's entry", () => {
  const zero = new Uint8Array(32);
  const published = () => ({ wrapKey: curveKey(), deliveryKeyHash: new Uint8Array(randomBytes(32)) });
  const someone = "00000000-0000-4000-8000-00000000000f" as AccountId;
  const rotation = () => ({
    ephemeral: curveKey(),
    accessKey: new Uint8Array(randomBytes(32)),
    adminKey: new Uint8Array(randomBytes(32)),
    sealed: [...mallory.state.members.map(({ account }) => account)]
      .sort()
      .map((account) => ({ account, secret: new Uint8Array(48) })),
  });
  const handover = () => ({ ephemeral: curveKey(), secret: new Uint8Array(48) });
  const me = () => mallory.address.account;

  /** Each is sealed as it should be, behind the newest entry, and says what no rule allows. */
  const forged: readonly [string, () => Uint8Array<ArrayBuffer>][] = [
    ["in the owner's name", () => mallory.entry({ kind: "update", title: "Mine" }, { author: alice.accountId })],
    [
      "that removes the owner",
      () => mallory.entry({ kind: "remove", accounts: [alice.accountId], rotation: rotation() }),
    ],
    ["that removes a member without a new secret", () => mallory.entry({ kind: "remove", accounts: [bob.accountId] })],
    ["that promotes itself", () => mallory.entry({ kind: "role", account: me(), role: "owner", sealed: handover() })],
    [
      "that promotes itself, in the owner's name",
      () =>
        mallory.entry({ kind: "role", account: me(), role: "admin", sealed: handover() }, { author: alice.accountId }),
    ],
    [
      "that takes the owner's role",
      () => mallory.entry({ kind: "role", account: alice.accountId, role: "member", rotation: rotation() }),
    ],
    ["that begins an epoch", () => mallory.entry({ kind: "rotate", rotation: rotation() })],
    ["that changes what only admins may", () => mallory.entry({ kind: "update", write: "admins" })],
    ["that is a checkpoint", () => mallory.entry({ kind: "checkpoint", stateHash: zero })],
    ["that admits who does not wait", () => mallory.entry({ kind: "admit", account: someone })],
    [
      "that invites a member again",
      () => mallory.entry({ kind: "invite", account: bob.accountId, identityKey: curveKey(), wrapKey: curveKey() }),
    ],
    [
      "of somebody who is nothing in the group",
      () => mallory.entry({ kind: "accept", ...published() }, { author: someone }),
    ],
    [
      "that replaces another member's keys",
      () => mallory.entry({ kind: "keys", ...published() }, { author: bob.accountId }),
    ],
    ["that lets another member leave", () => mallory.entry({ kind: "leave" }, { author: bob.accountId })],
    [
      "that creates the group anew",
      () => mallory.entry({ kind: "create", maxAccounts: 10, identityKey: mallory.identity.publicKey, ...published() }),
    ],
    [
      "for another group",
      () => mallory.entry({ kind: "update", title: "Mine" }, { group: "11".repeat(16) as typeof hers.id }),
    ],
    ["that is no entry", () => new Uint8Array(randomBytes(200))],
    ["as large as a member's may be", () => new Uint8Array(randomBytes(20_000))],
  ];

  it("changes nothing for anybody, whatever it claims, and is counted", async () => {
    const [before, counts] = [await pictures(), await Promise.all([countsOf(alice), countsOf(bob)])];
    for (const [_name, make] of forged) {
      await mallory.read();
      expect(await mallory.append(make())).toMatchObject({ type: "groupAppended" });
    }
    expect(await mallory.appendSealed(new Uint8Array(limits.groupMemberEntryBytes.value + 1))).toMatchObject({
      type: "failed",
    });
    // Nor what cannot be opened, or is sealed for another place.
    expect(await mallory.appendSealed(new Uint8Array(randomBytes(100)))).toMatchObject({ type: "groupAppended" });
    expect(await pictures()).toEqual(before);
    for (const [at, client] of [alice, bob].entries())
      expect(await countsSince(client, counts[at] ?? {})).toMatchObject({ groupRefused: forged.length + 1 });
    await hers.update({ title: "Still mine" });
    await his.refresh();
    await until(() => his.title === "Still mine");
  });

  it("of somebody else changes nothing when it is appended again", async () => {
    await hers.update({ title: "Once" });
    await hers.update({ title: "Twice" });
    await until(() => his.title === "Twice");
    await mallory.read();
    const [before, counts] = [await pictures(), await countsOf(bob)];
    for (const entry of mallory.seen.slice(-2)) {
      expect(decodeGroupEntry(entry).author).toBe(alice.accountId);
      expect(await mallory.append(entry)).toMatchObject({ type: "groupAppended" });
    }
    expect(await pictures()).toEqual(before);
    expect(await countsSince(bob, counts)).toMatchObject({ groupRefused: 2 });
  });

  it.each([
    ["guessed", () => new Uint8Array(randomBytes(32))],
    ["true", (carol: RawDevice) => hashDeliveryKey(carol.deliveryKey)],
  ] as const)(
    "that brings in a ghost under a key of its own, with a delivery key that is %s, makes nobody encrypt to it",
    async (_kind, hash) => {
      const carol = await RawDevice.register(world.url, "carol");
      const deliveryKeyHash = hash(carol);
      const identity = mallory.engine.generateIdentity();
      const wrapKey = curveKey();
      const { account } = carol;
      await mallory.append(mallory.entry({ kind: "invite", account, identityKey: identity.publicKey, wrapKey }));
      await mallory.append(mallory.entry({ kind: "accept", wrapKey, deliveryKeyHash }, { author: account, identity }));
      await Promise.all(honest.map((group) => group.refresh()));
      expect(await membersOf(hers)).toContain(`${account} member`);
      const counts = await countsOf(alice);
      await hers.send({ text: "who is that?" }).accepted;
      await reads(his, "who is that?");
      expect(await countsSince(alice, counts)).toMatchObject({ groupMembersLeftOut: 1 });
      await carol.socket.settled();
      expect(carol.socket.unread.filter(({ type }) => type === "deliver")).toEqual([]);
      await carol.close();
      await hers.remove({ accountId: account });
      expect(await membersOf(hers)).toHaveLength(3);
    },
  );

  it("that follows an entry nobody else has raises the alarm of a fork, which names no proof, and stops nobody", async () => {
    const forked = new Promise<string>((resolve) => bob.addEventListener("fork", ({ remedy }) => resolve(remedy)));
    const before = await pictures();
    await mallory.append(
      mallory.entry({ kind: "update", title: "Mine" }, { previous: new Uint8Array(randomBytes(32)) }),
    );
    expect(await pictures()).toEqual(before);
    expect(await forked).toContain("two histories");
  });
});

describe("what a member says", () => {
  const lies: readonly [string, (content: (lies?: Partial<Content>) => Content) => Payload | Uint8Array][] = [
    ["as somebody else", (content) => mallory.payload(content({ sender: alice.accountId }))],
    ["as a device it is not", (content) => mallory.payload(content({ device: 9 as DeviceId }))],
    [
      "in another conversation",
      (content) => mallory.payload(content({ conversation: "22".repeat(16) as Content["conversation"] })),
    ],
    [
      "in another group",
      (content) =>
        mallory.payload(content(), { group: { ...mallory.standing, id: "22".repeat(16) as Content["conversation"] } }),
    ],
    ["between two, under the key of a group", (content) => mallory.payload(content(), { group: undefined })],
    [
      "as read further than its payload",
      (content) => mallory.payload(content({ revision: mallory.state.seq + 1_000_000 })),
    ],
    ["without having read anything", (content) => mallory.payload(content({ revision: undefined }))],
    ["with a profile key", (content) => mallory.payload(content(), { profileKey: new Uint8Array(32) })],
    ["that is no payload", () => new Uint8Array(randomBytes(256))],
    ["that is as large as may be, and nothing", () => new Uint8Array(randomBytes(60_000))],
    [
      "to its own devices",
      (content) => ({
        type: "sent",
        group: mallory.standing,
        atMs: Date.now(),
        content: content().messageId ? new Uint8Array(randomBytes(40)) : new Uint8Array(0),
      }),
    ],
    [
      "that hands over a key under a key",
      () => ({
        type: "senderKey",
        group: mallory.standing,
        body: encodeGroupBody("senderKey", { distribution: new Uint8Array(16), message: new Uint8Array(80) }),
      }),
    ],
    [
      "that asks for mail under a key",
      () => ({ type: "retry", envelopes: [new Uint8Array(16)], group: mallory.standing }),
    ],
    [
      "that takes mail back under a key",
      () => ({ type: "unavailable", envelopes: [new Uint8Array(16)], group: mallory.standing }),
    ],
  ];

  it.each(lies)("%s is shown to nobody", async (_case, lie) => {
    const [before, counts] = [await pictures(), await Promise.all([countsOf(alice), countsOf(bob)])];
    const said = lie((header = {}) => mallory.content(text("a lie"), header));
    expect(await mallory.say(said)).toMatchObject({ type: "accepted" });
    await settled();
    for (const [at, client] of [alice, bob].entries())
      expect(await countsSince(client, counts[at] ?? {})).toEqual({ unfit: 1, opened: 1 });
    const after = await pictures();
    for (const [at, { items, ...rest }] of after.entries()) {
      expect(rest).toMatchObject({ title: before[at]?.title, members: before[at]?.members });
      expect(items.slice(0, -1)).toEqual(before[at]?.items);
    }
  });

  it("under a message id of somebody else, or about somebody else's message, is refused", async () => {
    const sent = hers.send({ text: "said by Alice" });
    await sent.accepted;
    await reads(his, "said by Alice");
    const counts = await countsOf(bob);
    const attempts: Content[] = [
      mallory.content(text("a lie"), { messageId: sent.id }),
      mallory.content(text("a lie"), { messageId: newContentId() }),
      mallory.content({ kind: "edit", target: sent.id, text: "a lie" }),
      mallory.content({ kind: "delete", target: sent.id }),
    ];
    for (const content of attempts)
      expect(await mallory.say(mallory.payload(content))).toMatchObject({ type: "accepted" });
    // Confirmations, names and typing are said between two.
    for (const said of [
      { kind: "receipt", receipt: "read", targets: [sent.id] },
      { kind: "profile", name: "Alice" },
      { kind: "typing", typing: "started" },
    ] as const)
      expect(await mallory.say(mallory.payload(mallory.content(said)))).toMatchObject({ type: "accepted" });
    await settled();
    expect(await textsOf(his)).toEqual(["an honest beginning", "welcome", "said by Alice", "an honest word"]);
    expect(await countsSince(bob, counts)).toEqual({ contentRefused: 4, unfit: 3, opened: 5 });
  });

  it("again, under its own message id or as the very same bytes, is shown once", async () => {
    const content = mallory.content(text("once"));
    expect(await mallory.say(mallory.payload(content))).toMatchObject({ type: "accepted" });
    expect(await mallory.say(mallory.payload({ ...content, ...text("twice") } as Content))).toMatchObject({
      type: "accepted",
    });
    const others = mallory.others();
    const { payload, commitment } = await mallory.frankedForAll(mallory.payload(mallory.content(text("repeated"))));
    const message = await mallory.sealToGroup(encodePayload(payload), others);
    for (let times = 0; times < 3; times++)
      expect(await mallory.sendSealed(message, others, { commitment })).toMatchObject({ type: "accepted" });
    await settled();
    expect(await textsOf(his)).toEqual(["an honest beginning", "welcome", "once", "repeated", "an honest word"]);
    expect((await countsOf(bob)).duplicate).toBe(2);
  });

  it("at an entry far ahead is held, and shown only if the log ever gets there", async () => {
    const ahead = mallory.state.seq + 1;
    const head = new Uint8Array(32);
    const content = mallory.content(text("from the future"), { revision: ahead });
    await mallory.say(mallory.payload(content, { group: { id: hers.id, revision: ahead, head } }));
    const far = mallory.content(text("from further still"), { revision: 4_000_000_000 });
    await mallory.say(mallory.payload(far, { group: { id: hers.id, revision: 4_000_000_000, head } }));
    await settled();
    expect(await textsOf(his)).toEqual(["an honest beginning", "welcome", "an honest word"]);
    await hers.update({ title: "On" });
    await his.refresh();
    await reads(his, "from the future");
    expect(await textsOf(his)).not.toContain("from further still");
  });

  it("under the key of another group is not shown there, and the key is not taken for both", async () => {
    await mallory.close();
    const client = await world.client("mallory");
    const other = await client.groups.create({ title: "Other", invite: [{ accountId: bob.accountId }] });
    const bobsOther = await join(bob, other);
    await everybodySees([other, bobsOther], 2);
    await other.send({ text: "in the other" }).accepted;
    await reads(bobsOther, "in the other");
    await client.close();
    mallory = await RogueMember.takeOver(world, "mallory", other.id);
    const distribution = await mallory.distribution(hers.id);
    const counts = await countsOf(bob);
    expect(await mallory.say(mallory.payload(mallory.content(text("a lie"))), { distribution })).toMatchObject({
      type: "accepted",
    });
    const body = encodeGroupBody("senderKey", await mallory.key(distribution));
    expect(await mallory.sayTo(bob.accountId, { type: "senderKey", group: mallory.standing, body })).toMatchObject({
      type: "accepted",
    });
    expect(await mallory.say(mallory.payload(mallory.content(text("a lie"))), { distribution })).toMatchObject({
      type: "accepted",
    });
    expect(await mallory.say(mallory.payload(mallory.content(text("an honest word"))))).toMatchObject({
      type: "accepted",
    });
    await reads(bobsOther, "an honest word");
    expect(await textsOf(bobsOther)).toEqual(["in the other", "an honest word"]);
    expect(await textsOf(his)).toEqual(["an honest beginning", "welcome"]);
    expect(await countsSince(bob, counts)).toEqual({ unfit: 2, senderKeysRefused: 1, opened: 2 });
  });
});

describe("who was removed", () => {
  /** How far it had read while it was a member. */
  let then: GroupStanding;
  let others: readonly AccountId[];
  let beforeMs: number;
  beforeEach(async () => {
    await mallory.read();
    then = mallory.standing;
    others = mallory.others();
    beforeMs = Date.now();
    await hers.remove({ accountId: mallory.address.account });
    await his.refresh();
  });

  it("reads neither the log nor a word of what follows, and is not taken for a member by the relay", async () => {
    await hers.update({ title: "Without Mallory" });
    const { seq } = await mallory.read();
    expect(seq).toBe(then.revision + 1);
    for (const revision of [then.revision, seq, seq + 1]) {
      const content = mallory.payload(mallory.content(text("a lie"), { revision: then.revision }), { group: then });
      const message = await mallory.sealToGroup(encodePayload(content), others);
      expect(await mallory.sendSealed(message, others, { revision })).not.toMatchObject({ type: "accepted" });
    }
    expect(await mallory.appendSealed(new Uint8Array(100))).toMatchObject({ type: "failed" });
  });

  it("says nothing any more, at whatever entry it says it and whenever it says it was said", async () => {
    const [before, counts] = [await pictures(), await countsOf(bob)];
    const said = () => mallory.content(text("a lie"), { revision: then.revision });
    const bobs = bob.accountId;
    const attempts = [
      () => mallory.sayTo(bobs, mallory.payload(said(), { group: then })),
      () => mallory.sayTo(bobs, mallory.payload(said(), { group: then, atMs: beforeMs, resendOf: new Uint8Array(16) })),
      () => mallory.sayTo(bobs, { type: "groupChange", group: then }),
      async () =>
        mallory.sayTo(bobs, {
          type: "senderKey",
          group: then,
          body: encodeGroupBody("senderKey", await mallory.key()),
        }),
      async () =>
        mallory.deliver(
          bobs,
          await mallory.sealToGroup(encodePayload(mallory.payload(said(), { group: then })), [bobs]),
        ),
    ];
    for (const attempt of attempts) expect(await attempt()).toMatchObject({ type: "accepted" });
    await until(async () => ((await countsSince(bob, counts)).groupRefused ?? 0) >= attempts.length);
    const { opened: _opened, ...rose } = await countsSince(bob, counts);
    expect(rose).toEqual({ groupRefused: attempts.length });
    expect(await pictures()).toEqual(before);
  });

  it("is not answered when it asks for what was said", async () => {
    // Her words about the removal go first.
    await until(async () => (await alice.debugBundle()).outboxSize === 0);
    const before = await countsOf(alice);
    const envelopes = [new Uint8Array(randomBytes(16))];
    await mallory.sayTo(alice.accountId, { type: "retry", envelopes, group: then });
    await until(async () => (await countsSince(alice, before)).opened === 1);
    await until(async () => (await alice.debugBundle()).outboxSize === 0);
    expect((await countsOf(alice)).sendsAccepted).toBe(before.sendsAccepted);
  });
});

describe("a revoked device of a member", () => {
  it("reads neither the log nor a word of what follows, and can send to the group no more", async () => {
    const linker = new Linker(world);
    const second = await linker.link(alice, "alice-2");
    await until(async () => (await second.groups.get(hers.id))?.standing === "joined");
    const onSecond = (await second.groups.get(hers.id)) as Group;
    await onSecond.send({ text: "from the second" }).accepted;
    for (const group of honest) await reads(group, "from the second");
    const { deviceId } = second;
    await second.close();
    const rogue = await RogueMember.takeOver(world, "alice-2", hers.id);
    // With tokens it fetched while it still could.
    await rogue.franks.token();
    await alice.devices.revoke(deviceId);
    // Its account says so in the log, and begins an epoch without it.
    await until(async () => (await rogue.appendSealed(new Uint8Array(100))).type === "failed");
    const before = await pictures();
    const { seq } = await rogue.read();
    await hers.update({ title: "Without the second" });
    expect((await rogue.read()).seq).toBe(seq);
    for (const revision of [seq, seq + 1, seq + 2])
      expect(await rogue.say(rogue.payload(rogue.content(text("a lie"))), { revision })).not.toMatchObject({
        type: "accepted",
      });
    await hers.update({ title: "Team" });
    const after = await pictures();
    expect(after.map(({ members }) => members)).toEqual(before.map(({ members }) => members));
    for (const group of honest) expect(await textsOf(group)).not.toContain("a lie");
    await linker.close();
    await rogue.close();
  });
});

describe("a flood", () => {
  const KEYS = 20;

  it("of words from the future, and of sender keys, fills nobody's disk", async () => {
    const group = { id: hers.id, revision: 1_000_000, head: new Uint8Array(32) };
    for (let word = 0; word < MAX_HELD.ofOne + 20; word++) {
      const content = mallory.content(text("later"), { revision: group.revision });
      expect(await mallory.say(mallory.payload(content, { group }))).toMatchObject({ type: "accepted" });
    }
    await settled();
    // More keys than are kept push out the one that it speaks with: that is its own loss.
    const { opened = 0 } = await countsOf(bob);
    for (let key = 0; key < KEYS; key++) {
      const body = encodeGroupBody("senderKey", await mallory.key());
      await mallory.sayTo(bob.accountId, { type: "senderKey", group: mallory.standing, body });
    }
    await until(async () => ((await countsOf(bob)).opened ?? 0) >= opened + KEYS);
    await bob.close();
    const store = await SealedStore.open(levelStore(pathOf(world.folder, "clients", "bob")), nodePlatform);
    const { account, device } = mallory.address;
    const rowsOf = async (prefix: string) => (await store.list(range(prefix, 10_000))).length;
    expect(await rowsOf(keys.senderKeysOf(store, account, device))).toBeLessThanOrEqual(6);
    expect(await rowsOf(keys.heldOf(store, hers.id))).toBe(MAX_HELD.ofOne);
    await store.close();
    bob = await world.client("bob");
    his = (await bob.groups.get(hers.id)) as Group;
    honest = [hers, his];
  }, 30_000);
});
