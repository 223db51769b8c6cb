import {
  CLOCK_SKEW_MS,
  decodeFeed,
  decodeManifest,
  deskKeyId,
  deskKeyOf,
  EPOCH_MS,
  encodeFeed,
  encodeManifest,
  epochKeyOf,
  type Manifest,
  mayFollow,
  realmFingerprint,
  realmOf,
  SEAL_PUBLIC_KEY_BYTES,
  statementHash,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { DAY_MS, EPOCH, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { clientVerify, signerOf } from "../../support/franking/signatures.js";
import { refusal } from "../refusal.js";
import { hex, join } from "../spelling.js";

const small = new SmallRealm();
const { root } = small;
const desk = signerOf(secretOf("desk signer"));
const deskKey = (name: string, expiresMs: number, notBeforeMs = NOW_MS - DAY_MS): Manifest["deskKeys"][number] => {
  const key = new Uint8Array(SEAL_PUBLIC_KEY_BYTES).fill(secretOf(name)[0] as number);
  return { role: "triage", id: deskKeyId(key), key, notBeforeMs, expiresMs };
};
const manifest: Manifest = {
  root: root.publicKey,
  number: 4,
  previous: secretOf("previous"),
  issuedMs: NOW_MS,
  minFrankVersion: 1,
  epochs: [
    { epoch: EPOCH, issuerKey: small.issuer().publicKey },
    { epoch: EPOCH + 1, issuerKey: small.issuer(EPOCH + 1).publicKey, revokedAfterMs: (EPOCH + 1) * EPOCH_MS + 10 },
  ],
  deskKeys: [deskKey("one", NOW_MS + DAY_MS), deskKey("two", NOW_MS + 2 * DAY_MS), deskKey("three", NOW_MS - 1)],
  deskSigner: desk.publicKey,
  statementHash: statementHash("what we may do"),
};
const encoded = encodeManifest(manifest, root.sign);
const held = decodeManifest(encoded, clientVerify);
const follower = (changed: Partial<Manifest>) =>
  decodeManifest(encodeManifest({ ...manifest, number: 5, previous: held.hash, ...changed }, root.sign), clientVerify);

describe("a manifest", () => {
  test("reads back as it was signed, under the realm and the fingerprint of its root", () => {
    expect(held).toMatchObject(manifest);
    expect(realmFingerprint(root.publicKey)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(realmFingerprint(root.publicKey).slice(7, 39)).toBe(hex(realmOf(root.publicKey)));
  });

  test("is refused with any byte changed, or signed by another key", () => {
    for (let at = 0; at < encoded.length; at += 97) {
      const changed = new Uint8Array(encoded);
      changed[at] = (changed[at] as number) ^ 1;
      expect(refusal(() => decodeManifest(changed, clientVerify))).toBe("badFrame");
    }
    expect(refusal(() => decodeManifest(encodeManifest(manifest, desk.sign), clientVerify))).toBe("badFrame");
  });

  test("gives way only to a later one of the same root that names it", () => {
    expect(mayFollow(held, follower({}))).toBe(true);
    expect(mayFollow(held, follower({ previous: secretOf("other") }))).toBe(false);
    expect(mayFollow(held, follower({ number: 4 }))).toBe(false);
    expect(mayFollow(held, follower({ number: 3 }))).toBe(false);
    expect(mayFollow(held, follower({ number: 9, previous: secretOf("some between") }))).toBe(true);
    expect(mayFollow(held, follower({ issuedMs: NOW_MS - 1 }))).toBe(false);
    const other = new SmallRealm("other").root;
    const theirs = encodeManifest({ ...manifest, root: other.publicKey, number: 5, previous: held.hash }, other.sign);
    expect(mayFollow(held, decodeManifest(theirs, clientVerify))).toBe(false);
  });

  test("knows the key of an epoch for what was taken in it, and not after it was revoked", () => {
    const startMs = EPOCH * EPOCH_MS;
    expect(epochKeyOf(held, EPOCH, NOW_MS)).toEqual(small.issuer().publicKey);
    expect(epochKeyOf(held, EPOCH, startMs - CLOCK_SKEW_MS - 1)).toBeUndefined();
    expect(epochKeyOf(held, EPOCH, startMs + EPOCH_MS + CLOCK_SKEW_MS + 1)).toBeUndefined();
    expect(epochKeyOf(held, EPOCH - 1, NOW_MS - DAY_MS)).toBeUndefined();
    const revokedMs = startMs + EPOCH_MS + 10;
    expect(epochKeyOf(held, EPOCH + 1, revokedMs)).toBeDefined();
    expect(epochKeyOf(held, EPOCH + 1, revokedMs + 1)).toBeUndefined();
  });

  test("names of several keys of the desk the one that is good for longest, of good ones", () => {
    expect(deskKeyOf(held, "triage", NOW_MS)?.id).toEqual(manifest.deskKeys[1]?.id);
    expect(deskKeyOf(held, "triage", NOW_MS + 2 * DAY_MS)).toBeUndefined();
    expect(deskKeyOf(held, "triage", NOW_MS - DAY_MS - 1)).toBeUndefined();
    expect(deskKeyOf(held, "community", NOW_MS)).toBeUndefined();
  });
});

describe("a revocation feed", () => {
  const name = (value: number) => new Uint8Array(8).fill(value);
  const feed = (names: readonly Uint8Array[], realm = small.realm, sign = desk.sign) =>
    encodeFeed({ atMs: NOW_MS, names: join(names) }, realm, sign);

  test("reads back as the desk signed it", () => {
    const read = decodeFeed(feed([name(1), name(2)]), held, clientVerify);
    expect(read).toEqual({ atMs: NOW_MS, names: join([name(1), name(2)]) });
    expect(decodeFeed(feed([]), held, clientVerify).names.length).toBe(0);
  });

  test.each<[string, Uint8Array]>([
    ["signed by another key", feed([name(1)], small.realm, root.sign)],
    ["signed for another realm", feed([name(1)], new SmallRealm("other").realm)],
    ["half a name", feed([name(1), name(2).subarray(4)])],
    ["names out of order", feed([name(2), name(1)])],
    ["a name twice", feed([name(1), name(1)])],
  ])("is refused: %s", (_why, bytes) => {
    expect(refusal(() => decodeFeed(bytes, held, clientVerify))).toBe("badFrame");
  });
});

test("a statement is known by its words", () => {
  expect(statementHash("a")).not.toEqual(statementHash("b"));
  expect(statementHash("what we may do")).toEqual(held.statementHash);
});
