/** Which realm document may take the place of the one that is held: pure, so that every way a relay could cheat is a case. */

import {
  decodeFeed,
  decodeManifest,
  decodeRealm,
  digest,
  equalBytes,
  mayFollow,
  type ReadManifest,
  type Realm as RealmId,
  realmFingerprint,
  realmOf,
  type SottoError,
  statementHash,
  type Verify,
} from "@sotto/protocol";

/** A realm document whose signatures were checked. */
export interface HeldRealm {
  /** The realm's 16 bytes. */
  readonly id: RealmId;
  readonly document: Uint8Array;
  /** What the relay is told is known. */
  readonly hash: Uint8Array;
  readonly manifest: ReadManifest;
  readonly feedMs: number;
  /** Whether the feed has this name. */
  readonly isNamed: (name: Uint8Array) => boolean;
  readonly statement: string;
}

/**
 * Why a document was not taken. `malformed`: it does not parse, or a signature or hash in it is wrong · `otherRoot`: of another
 * realm than the pinned or the held one · `older`: a manifest that does not follow the held one, or an older feed.
 */
export type RealmRefusal = "malformed" | "otherRoot" | "older";

/** What came of a document. */
export type RealmVerdict =
  | { readonly kind: "taken"; readonly held: HeldRealm }
  | { readonly kind: "refused"; readonly reason: RealmRefusal };

/** Bytes of a token's name in the feed. */
const NAME_BYTES = 8;

/** Reads a document and checks everything in it, but not yet whether it is of the right realm. `undefined` if something is wrong. */
export function readRealm(encoded: Uint8Array, verify: Verify): HeldRealm | undefined {
  try {
    const document = encoded.slice();
    const { manifest: signed, feed: signedFeed, statement } = decodeRealm(document);
    const manifest = decodeManifest(signed, verify);
    const feed = decodeFeed(signedFeed, manifest, verify);
    if (!equalBytes(statementHash(statement), manifest.statementHash)) return undefined;
    const id = realmOf(manifest.root);
    const isNamed = lookUpIn(feed.names);
    return { id, document, hash: digest(document), manifest, feedMs: feed.atMs, isNamed, statement };
  } catch (error) {
    if (isBadFrame(error)) return undefined;
    throw error;
  }
}

/** Whether a document may take the place of the held one. Of the same manifest only a newer feed may. */
export function judgeRealm(
  held: HeldRealm | undefined,
  encoded: Uint8Array,
  { pinned, verify }: { readonly pinned: string | undefined; readonly verify: Verify },
): RealmVerdict {
  const next = readRealm(encoded, verify);
  if (next === undefined) return { kind: "refused", reason: "malformed" };
  if (pinned !== undefined && realmFingerprint(next.manifest.root) !== pinned) {
    return { kind: "refused", reason: "otherRoot" };
  }
  if (held === undefined) return { kind: "taken", held: next };
  if (!equalBytes(next.manifest.root, held.manifest.root)) return { kind: "refused", reason: "otherRoot" };
  const isSame = equalBytes(next.manifest.hash, held.manifest.hash);
  if (!isSame && !mayFollow(held.manifest, next.manifest)) return { kind: "refused", reason: "older" };
  if (next.feedMs < held.feedMs) return { kind: "refused", reason: "older" };
  return { kind: "taken", held: next };
}

/** Looks names up where they lie, for there may be 65,536 and they ascend: by halving what is left. */
function lookUpIn(names: Uint8Array): (name: Uint8Array) => boolean {
  const view = new DataView(names.buffer, names.byteOffset, names.length);
  return (name) => {
    const wanted = new DataView(name.buffer, name.byteOffset, NAME_BYTES).getBigUint64(0);
    let [from, to] = [0, names.length / NAME_BYTES];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const found = view.getBigUint64(middle * NAME_BYTES);
      if (found === wanted) return true;
      if (found < wanted) from = middle + 1;
      else to = middle;
    }
    return false;
  };
}

function isBadFrame(error: unknown): boolean {
  return (error as Partial<SottoError>).code === "badFrame";
}
