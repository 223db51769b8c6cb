/**
 * The desk's checks: whether a disclosed message was really sent by the accused, to the reporter, at that time, in those words.
 * Pure; the keys and the Ed25519 check (by ZIP-215, so that nothing is refused here that a client showed) are the caller's
 * (PROTOCOL.md, Reports).
 */

import { equalBytes } from "../bytes.js";
import { type AccountId, accountIdFromBytes, accountIdToBytes, type ConversationId, fromHex, toHex } from "../ids.js";
import { blobCommitment, blobCommitmentsOf, type CommittedContent, decodeCommitted } from "./committed.js";
import { hash } from "./encoding.js";
import { type FrankHead, openingOf } from "./evidence.js";
import { commitmentOf, frankText, type Verify, wordsHashOf } from "./frank.js";
import type { HeadItem, HeadLayer, WordsItem } from "./report.js";
import { rosterRoot } from "./roster.js";
import { stamp } from "./stamp.js";
import { accountTag, epochOf, isInEpoch, REPORT_WINDOW_MS, type Realm, tokenHash } from "./token.js";

/**
 * Why a disclosed message does not count. `notIssued`: the issuer gave this key to nobody, or to somebody else · `weakKey`: a key
 * under which anybody can sign · `notSigned` · `notStamped`: the relay did not take this for this recipient at this time ·
 * `epoch`: outside of the token's life, or an epoch that was revoked by then · `keyGone`: older than the keys that could tell ·
 * `notTheirs`: not received by the reporter, or not said by who it is said to be by · `severalAccused` · `wordsDiffer`: not what
 * was committed to · `blobDiffers`: an attachment that is not the one · `malformed`.
 */
export type InspectionRefusal =
  | "notIssued"
  | "weakKey"
  | "notSigned"
  | "notStamped"
  | "epoch"
  | "keyGone"
  | "notTheirs"
  | "severalAccused"
  | "wordsDiffer"
  | "blobDiffers"
  | "malformed";

/** What the triage worker knows. */
export interface HeadKeys {
  readonly realm: Realm;
  /** The account key of an epoch; `undefined` once it was destroyed. */
  accountKey(epoch: number): Uint8Array | undefined;
  /** The stamp key of an epoch; `undefined` once it was destroyed. */
  stampKey(epoch: number): Uint8Array | undefined;
  /** From when on tokens of an epoch count no more, if it was revoked. */
  revokedAfterMs(epoch: number): number | undefined;
  /** Whether a public key is canonical and not of small order. */
  isSoundKey(publicKey: Uint8Array): boolean;
  /** By ZIP-215. */
  readonly verify: Verify;
  readonly nowMs: number;
}

/** What is known of one message without its words. */
export type HeadVerdict =
  | {
      readonly kind: "verified";
      readonly acceptedMs: number;
      readonly wordsHash: Uint8Array;
      /** The same for every report of the same message, whoever makes it. */
      readonly dedupe: Uint8Array;
    }
  | { readonly kind: "refused"; readonly reason: InspectionRefusal };

/** Checks one head on its own: issued, signed, committed, stamped, in time. */
export function inspectHead(head: FrankHead, keys: HeadKeys): HeadVerdict {
  const { realm } = keys;
  const { epoch, acceptedMs, publicKey } = head;
  const accountKey = keys.accountKey(epoch);
  const stampKey = keys.stampKey(epochOf(acceptedMs));
  if (acceptedMs < keys.nowMs - REPORT_WINDOW_MS || accountKey === undefined || stampKey === undefined) {
    return refused("keyGone");
  }
  const speaker = { account: head.account, device: head.device };
  if (!equalBytes(accountTag(accountKey, realm, speaker, head), head.accountTag)) return refused("notIssued");
  if (!keys.isSoundKey(publicKey)) return refused("weakKey");
  const token = tokenHash(realm, head, head.accountTag);
  const root = rosterRoot(realm, head.recipient, openingOf(head));
  const { wordsHash, tokenMac, signature } = head;
  if (!keys.verify(publicKey, frankText(realm, speaker, { wordsHash, root, token }), signature))
    return refused("notSigned");
  const commitment = commitmentOf(realm, head.outerKey, { wordsHash, root, token, tokenMac, signature });
  const made = stamp(stampKey, realm, { commitment, recipient: head.stampedFor, acceptedMs });
  if (!equalBytes(made, head.stamp)) return refused("notStamped");
  const revokedAfterMs = keys.revokedAfterMs(epoch);
  if (!isInEpoch(epoch, acceptedMs) || (revokedAfterMs !== undefined && acceptedMs > revokedAfterMs))
    return refused("epoch");
  return { kind: "verified", acceptedMs, wordsHash, dedupe: hash("frank1/dedupe", wordsHash, publicKey) };
}

/** Checks all heads of a report: each on its own, and whether it is the reporter's to report. In their order. */
export function inspectHeads(layer: HeadLayer, reporter: AccountId, keys: HeadKeys): readonly HeadVerdict[] {
  return layer.items.map((item) => {
    const reason = misplaced(item, layer, reporter);
    return reason === undefined ? inspectHead(item.head, keys) : refused(reason);
  });
}

/** What the words of one message say, if they are the ones that were committed to. */
export type WordsVerdict =
  | {
      readonly kind: "verified";
      readonly content: CommittedContent;
      /** By the place of the blob. */
      readonly blobs: ReadonlyMap<number, WordsItem["blobs"][number]>;
    }
  | { readonly kind: "refused"; readonly reason: InspectionRefusal };

/** Checks the words of one message against its verified head. Whether a blob holds what its reference says shows when it is opened. */
export function inspectWords(words: WordsItem, { head, role }: HeadItem, realm: Realm): WordsVerdict {
  if (!equalBytes(wordsHashOf(realm, words.wordsKey, words.committed), head.wordsHash)) return refused("wordsDiffer");
  const content = decoded(words.committed);
  if (content === undefined) return refused("malformed");
  if (content.sender !== head.account || content.device !== head.device) return refused("notTheirs");
  if (role === "own" && !isStampedForItsAudience(head, content.conversation)) return refused("notTheirs");
  const commitments = blobCommitmentsOf(content);
  for (const blob of words.blobs) {
    const expected = commitments[blob.index];
    if (expected === undefined || !equalBytes(blobCommitment(blob), expected)) return refused("blobDiffers");
  }
  return { kind: "verified", content, blobs: new Map(words.blobs.map((blob) => [blob.index, blob])) };
}

/** What is reported, and what others said around it, came to the reporter; what it said itself was meant for the accused. */
function misplaced(
  { role, head }: HeadItem,
  { accused, kind }: HeadLayer,
  reporter: AccountId,
): InspectionRefusal | undefined {
  if (kind === "appeal" && accused !== reporter) return "notTheirs";
  const isReceived = head.recipient === reporter && accountIdFromBytes(head.stampedFor) === reporter;
  switch (role) {
    case "reported":
      if (head.account !== accused) return "severalAccused";
      return isReceived && accused !== reporter ? undefined : "notTheirs";
    case "context":
      return isReceived && head.account !== reporter ? undefined : "notTheirs";
    case "own": {
      // Who appeals is the one who was accused, and shows what it said to whoever it said it to.
      const isToAccused = kind === "appeal" || head.recipient === accused;
      return head.account === reporter && isToAccused ? undefined : "notTheirs";
    }
    default:
      return role satisfies never;
  }
}

/** Of its own send a sender is told a stamp for the account, or of a group's one for the group. */
function isStampedForItsAudience({ stampedFor, recipient }: FrankHead, conversation: ConversationId): boolean {
  return toHex(stampedFor) === toHex(accountIdToBytes(recipient)) || equalBytes(stampedFor, fromHex(conversation));
}

function decoded(committed: Uint8Array): CommittedContent | undefined {
  try {
    return decodeCommitted(committed);
  } catch {
    return undefined;
  }
}

function refused(reason: InspectionRefusal): { readonly kind: "refused"; readonly reason: InspectionRefusal } {
  return { kind: "refused", reason };
}
