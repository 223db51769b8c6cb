/** Messages that were really franked with tokens of the desk, and the reports that disclose them. */

import { randomBytes } from "node:crypto";
import {
  type AccountId,
  checkFrank,
  directConversationId,
  type Evidence,
  encodeContent,
  encodeHeadLayer,
  encodeWordsLayer,
  epochKeyOf,
  epochOf,
  type HeadLayer,
  headLayerHash,
  layerContext,
  type MessageId,
  makeFrank,
  type SealKeys,
  seal,
  sealKeysOf,
  stamp,
  toHex,
} from "@sotto/protocol";
import { verifySignature } from "../../../server/desk/index.js";
import { bytesOf, realmOfDesk, type Someone, someone, type TestDesk, triageKeyOf } from "./desk-of.js";

/** A message as its recipient keeps it. */
export interface Message {
  readonly evidence: Evidence;
  readonly committed: Uint8Array;
  readonly text: string;
}

let counter = 0;

/** Has somebody write to somebody else, franked, stamped by the relay, and checked by who receives it. */
export async function say(test: TestDesk, from: Someone, to: AccountId, text = "words"): Promise<Message> {
  const [token] = await from.tokens(test);
  if (token === undefined) throw new Error("no token");
  const { realm } = test;
  const speaker = { account: from.account, device: from.device };
  const committed = encodeContent({
    kind: "text",
    text,
    sender: from.account,
    device: from.device,
    conversation: directConversationId(from.account, to),
    messageId: toHex(randomBytes(16)) as MessageId,
    counter: ++counter,
    sentAtMs: test.nowMs,
    seen: [],
  });
  const audience = { kind: "account", account: to } as const;
  const secret = new Uint8Array(randomBytes(32));
  const { frank, commitment } = makeFrank({
    ...{ realm, speaker, token, secret, committed, audience },
    sign: token.signing.sign,
  });
  const acceptedMs = test.nowMs;
  const key = test.relay.stampKey(epochOf(acceptedMs));
  const made = stamp(key, realm, { commitment, recipient: bytesOf(to), acceptedMs });
  const checked = checkFrank({
    ...{ realm, speaker, me: to, audience, committed, frank, commitment, acceptedMs, stamp: made },
    ...{ nowMs: acceptedMs, minVersion: 1, isRevoked: () => false, verify: verifySignature },
    epochKey: (epoch, atMs) => epochKeyOf(realmOfDesk(test).manifest, epoch, atMs),
  });
  if (checked.kind !== "genuine") throw new Error(`not shown: ${checked.reason}`);
  return { evidence: checked.evidence, committed, text };
}

/** The keys of a team whose moderators are elsewhere. */
export const communityKeys: SealKeys = sealKeysOf(new Uint8Array(randomBytes(32)));

/** A report on its way. */
export interface Submitted {
  readonly id: Uint8Array;
  /** As the desk names it. */
  readonly name: string;
}

/** Leaves a report at the relay, as a device does. */
export function submit(
  test: TestDesk,
  reporter: Someone,
  layer: Pick<HeadLayer, "accused"> & Partial<HeadLayer>,
  messages: readonly Message[],
  id: Uint8Array = new Uint8Array(randomBytes(16)),
): Submitted {
  const { realm } = test;
  const role = layer.kind === "appeal" ? "own" : "reported";
  const heads = encodeHeadLayer({
    ...{ kind: "report", category: "harassment", team: "community", teamKey: new Uint8Array(8) },
    items: messages.map(({ evidence: { head } }) => ({ role, head })),
    ...layer,
  });
  const headHash = headLayerHash(heads);
  const words = encodeWordsLayer({
    ...{ headHash, note: "a note" },
    items: messages.map(({ evidence: { wordsKey }, committed }) => ({ wordsKey, committed, blobs: [] })),
  });
  const about = { id, reporter: reporter.account };
  const triage = triageKeyOf(test).key;
  // No two come at one time: what comes later is later.
  test.nowMs++;
  test.relay.leave({
    ...{ report: id, reporter: reporter.account, receivedMs: test.nowMs },
    heads: seal(triage, layerContext(realm, { ...about, layer: "heads" }), heads),
    words: seal(communityKeys.publicKey, layerContext(realm, { ...about, layer: "words", headHash }), words),
  });
  return { id, name: toHex(id) };
}

/** Has the desk fetch and triage what waits. */
export async function arrive(test: TestDesk): Promise<void> {
  test.desk.reportsWaiting();
  await test.desk.settled();
}

/** Two people, a message from the second to the first, and the first's report of it. */
export async function reported(test: TestDesk, layer: Partial<HeadLayer> = {}) {
  const [alice, mallory] = [someoneEnrolled(test), someoneEnrolled(test)];
  const [reporter, accused] = [await alice, await mallory];
  const message = await say(test, accused, reporter.account);
  const report = submit(test, reporter, { accused: accused.account, ...layer }, [message]);
  await arrive(test);
  return { reporter, accused, message, report };
}

/** Somebody who is enrolled. */
export async function someoneEnrolled(test: TestDesk): Promise<Someone> {
  const person = someone();
  const answer = await person.enrol(test);
  if (answer.kind !== "enrolled") throw new Error("not enrolled");
  return person;
}
