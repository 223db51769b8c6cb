/** A patched recipient that forges text, sender, time, order or conversation, alone or with the relay: the desk refuses it. */

import { generateKeyPairSync, sign } from "node:crypto";
import {
  type AccountId,
  accountIdToBytes,
  CLOCK_SKEW_MS,
  decodeContent,
  directConversationId,
  EPOCH_MS,
  encodeContent,
  inspectWords,
  type Realm,
  tokenHash,
  wordsHashOf,
} from "@sotto/protocol";
import type { Client, ConversationId, DirectConversation, MessageId } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitmentOf, frankText } from "../../../protocol/frank/frank.js";
import { rosterRoot } from "../../../protocol/frank/roster.js";
import { AtDesk } from "../../support/at-desk.js";
import { until } from "../../support/group-people.js";
import { befriend, itemsUntil, World } from "../../support/world.js";
import { changed, colluded, type Forged, PatchedReporter, stampKeysOf } from "./patched-reporter.js";

let world: World;
let desk: AtDesk;
let alice: Client;
let bob: Client;
let carol: Client;
let toBob: DirectConversation;
let toAlice: DirectConversation;
let patched: PatchedReporter;
let said: readonly [Forged, Forged];

beforeEach(async () => {
  world = await World.open();
  desk = await AtDesk.join(world);
  ({ alice, bob, toBob, toAlice } = await world.pair());
  carol = await world.client("carol");
  patched = new PatchedReporter(alice);
  await until(() => patched.isReady, "the moderators' key");
  said = [await honest(await says("I like cats")), await honest(await says("and dogs"))];
});
afterEach(() => world.close());

async function says(text: string): Promise<MessageId> {
  const sent = toAlice.send({ text });
  await sent.accepted;
  await itemsUntil(toBob, (item) => item.kind === "text" && item.text === text);
  return sent.id;
}

const honest = (id: MessageId) => patched.honest(toBob.id, bob.accountId, id);
const report = (...forged: readonly Forged[]) => patched.submit(bob.accountId, forged);
const heads = async (id: string) => desk.verdictsOn(id);
/** What a moderator's browser finds of the words of a report, whose heads passed. */
async function words(id: string): Promise<readonly string[]> {
  const read = await desk.read(id);
  return read.words.items.map((one, at) => {
    const verdict = inspectWords(one, read.heads.items[at] as never, desk.realm);
    return verdict.kind === "verified" ? "verified" : verdict.reason;
  });
}
/** The words of a message, with something else in their place. */
function reworded({ item, words: { wordsKey, committed } }: Forged, over: object): Forged {
  const content = { ...decodeContent(committed), ...over } as ReturnType<typeof decodeContent>;
  return { item, words: { wordsKey, committed: encodeContent(content), blobs: [] } };
}
/** The same, with a hash in the head that fits the forged words. */
function rehashed(forged: Forged): Forged {
  const { wordsKey, committed } = forged.words;
  return changed(forged, { wordsHash: wordsHashOf(desk.realm, wordsKey, committed) });
}

describe("a patched recipient", () => {
  it("is believed as far as it tells the truth", async () => {
    const id = await report(...said);
    expect(await heads(id)).toEqual(["verified", "verified"]);
    expect(await words(id)).toEqual(["verified", "verified"]);
  });

  it("cannot change the text, whether the hash fits it or not", async () => {
    const forged = reworded(said[0], { text: "I hate cats" });
    const id = await report(forged, rehashed(reworded(said[1], { text: "and people" })));
    expect(await heads(id)).toEqual(["verified", "notSigned"]);
    expect((await words(id))[0]).toBe("wordsDiffer");
  });

  it("cannot move words into another conversation, to another place in it, or to another sender", async () => {
    const elsewhere: ConversationId = directConversationId(bob.accountId, carol.accountId);
    const id = await report(
      reworded(said[0], { conversation: elsewhere }),
      reworded(said[0], { counter: 99 }),
      reworded(said[0], { sender: carol.accountId }),
    );
    expect(await words(id)).toEqual(["wordsDiffer", "wordsDiffer", "wordsDiffer"]);
  });

  it("cannot say that somebody else said it, or another device", async () => {
    const byCarol = changed(said[0], { account: carol.accountId });
    expect(await heads(await patched.submit(carol.accountId, [byCarol]))).toEqual(["notIssued"]);
    expect(await heads(await report(changed(said[0], { device: 2 as never })))).toEqual(["notIssued"]);
    expect(await heads(await patched.submit(carol.accountId, [said[0]]))).toEqual(["severalAccused"]);
  });

  it("cannot change when the relay took it, or the order of two messages", async () => {
    const [one, two] = [said[0].item.head, said[1].item.head];
    const later = changed(said[0], { acceptedMs: one.acceptedMs + 1 });
    const swapped = [
      changed(said[0], { acceptedMs: two.acceptedMs, stamp: two.stamp }),
      changed(said[1], { acceptedMs: one.acceptedMs, stamp: one.stamp }),
    ];
    expect(await heads(await report(later, ...swapped))).toEqual(["notStamped", "notStamped", "notStamped"]);
    const dayAgo = changed(said[0], { acceptedMs: one.acceptedMs - 40 * 24 * 3_600_000 });
    expect(await heads(await report(dayAgo))).toEqual(["keyGone"]);
  });

  it("cannot report what somebody else got, even with their evidence", async () => {
    const { toAlice: carolsToBob } = await befriend(bob, carol);
    const sent = (await bob.openDM({ accountId: carol.accountId })).send({ text: "for carol only" });
    await sent.accepted;
    await itemsUntil(carolsToBob, (item) => item.kind === "text");
    const theirs = await new PatchedReporter(carol).honest(carolsToBob.id, bob.accountId, sent.id);
    const forMe = { recipient: alice.accountId, stampedFor: accountIdToBytes(alice.accountId) };
    expect(await heads(await report(theirs, changed(theirs, forMe)))).toEqual(["notTheirs", "notSigned"]);
  });

  it("cannot invent a message, or put words under a real token, though the relay stamps whatever it asks for", async () => {
    const [real] = said;
    const { acceptedMs } = real.item.head;
    const tomorrowMs = (real.item.head.epoch + 1) * EPOCH_MS + 2 * CLOCK_SKEW_MS;
    const [stampKey, tomorrow] = (await stampKeysOf(world, [acceptedMs, tomorrowMs])) as [Uint8Array, Uint8Array];
    desk = desk.after();
    await until(() => alice.state === "ready");
    const stamps = (forged: Forged, key = stampKey) =>
      restamped(forged, { realm: desk.realm, stampKey: key, me: alice.accountId });
    const lie = rehashed(reworded(real, { text: "I hate cats" }));
    // A token of the forger's own making, by which it signs what bob never said; and bob's real token, which it cannot sign with.
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
    const invented = changed(lie, { publicKey: raw });
    const signedBy = (forged: Forged) =>
      changed(forged, { signature: new Uint8Array(sign(null, textOf(forged), privateKey)) });
    const id = await report(
      stamps(signedBy(invented)),
      stamps(signedBy(lie)),
      stamps(lie),
      stamps(changed(real, { acceptedMs: tomorrowMs }), tomorrow),
    );
    expect(await heads(id)).toEqual(["notIssued", "notSigned", "notSigned", "epoch"]);
  });
});

/** What a head says was signed. */
function textOf({ item: { head } }: Forged): Uint8Array {
  const root = rosterRoot(desk.realm, head.recipient, head);
  const token = tokenHash(desk.realm, head, head.accountTag);
  return frankText(desk.realm, head, { wordsHash: head.wordsHash, root, token });
}

/** A head with the stamp that a colluding relay makes for it. */
function restamped(
  forged: Forged,
  by: { readonly realm: Realm; readonly stampKey: Uint8Array; readonly me: AccountId },
): Forged {
  const { head } = forged.item;
  const root = rosterRoot(by.realm, head.recipient, head);
  const over = { ...head, root, token: tokenHash(by.realm, head, head.accountTag) };
  const commitment = commitmentOf(by.realm, head.outerKey, over);
  const stamped = { commitment, recipient: accountIdToBytes(by.me), acceptedMs: head.acceptedMs };
  return changed(forged, { stamp: colluded(by.stampKey, by.realm, stamped) });
}
