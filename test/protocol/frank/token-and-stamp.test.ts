import {
  accountIdToBytes,
  accountTag,
  CLOCK_SKEW_MS,
  EPOCH_MS,
  epochOf,
  isInEpoch,
  parseDeviceId,
  STAMP_BYTES,
  stamp,
  stamper,
  tokenHash,
  tokenName,
  tokenText,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mac, u64 } from "../../../protocol/frank/encoding.js";
import { accountOf, EPOCH, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";
import { hex } from "../spelling.js";

const { realm } = new SmallRealm();
const speaker = { account: accountOf("S"), device: parseDeviceId(3) };
const terms = { epoch: EPOCH, publicKey: secretOf("public key") };
const key = secretOf("account key");

describe("an epoch", () => {
  test("is a day by number alone, and takes what the relay took within it and five minutes on either side", () => {
    const startMs = EPOCH * EPOCH_MS;
    expect(epochOf(startMs)).toBe(EPOCH);
    expect(epochOf(startMs - 1)).toBe(EPOCH - 1);
    expect(epochOf(startMs + EPOCH_MS - 1)).toBe(EPOCH);
    const bounds: readonly (readonly [number, boolean])[] = [
      [startMs - CLOCK_SKEW_MS - 1, false],
      [startMs - CLOCK_SKEW_MS, true],
      [startMs, true],
      [startMs + EPOCH_MS, true],
      [startMs + EPOCH_MS + CLOCK_SKEW_MS, true],
      [startMs + EPOCH_MS + CLOCK_SKEW_MS + 1, false],
    ];
    for (const [atMs, is] of bounds) expect(isInEpoch(EPOCH, atMs)).toBe(is);
  });

  test("of any time takes that time, and none that lies two days off", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 46), (atMs) => {
        expect(isInEpoch(epochOf(atMs), atMs)).toBe(true);
        expect(isInEpoch(epochOf(atMs) + 2, atMs)).toBe(false);
        expect(isInEpoch(epochOf(atMs) - 2, atMs)).toBe(false);
      }),
    );
  });
});

describe("the tag of an account", () => {
  test("is another one for another account, device, epoch, key, realm or account key", () => {
    const tags = [
      accountTag(key, realm, speaker, terms),
      accountTag(key, realm, { ...speaker, account: accountOf("A") }, terms),
      accountTag(key, realm, { ...speaker, device: parseDeviceId(4) }, terms),
      accountTag(key, realm, speaker, { ...terms, epoch: EPOCH + 1 }),
      accountTag(key, realm, speaker, { ...terms, publicKey: secretOf("other") }),
      accountTag(key, new SmallRealm("other").realm, speaker, terms),
      accountTag(secretOf("other key"), realm, speaker, terms),
    ].map(hex);
    expect(new Set(tags).size).toBe(tags.length);
  });

  test("is not made under a key of another length", () => {
    expect(refusal(() => accountTag(key.subarray(1), realm, speaker, terms))).toBe("invalidArgument");
  });
});

test("what is signed of a token says which realm, epoch, key, tag, account and device", () => {
  const tag = accountTag(key, realm, speaker, terms);
  const token = tokenHash(realm, terms, tag);
  const hashes = [
    token,
    tokenHash(new SmallRealm("other").realm, terms, tag),
    tokenHash(realm, { ...terms, epoch: EPOCH + 1 }, tag),
    tokenHash(realm, { ...terms, publicKey: secretOf("other") }, tag),
    tokenHash(realm, terms, secretOf("other tag")),
  ].map(hex);
  expect(new Set(hashes).size).toBe(hashes.length);
  const texts = [
    tokenText(realm, speaker, token),
    tokenText(new SmallRealm("other").realm, speaker, token),
    tokenText(realm, { ...speaker, account: accountOf("A") }, token),
    tokenText(realm, { ...speaker, device: parseDeviceId(4) }, token),
    tokenText(realm, speaker, secretOf("other token")),
  ].map(hex);
  expect(new Set(texts).size).toBe(texts.length);
});

test("a feed names a token by 8 bytes that are no part of anything else of it", () => {
  const name = tokenName(terms.publicKey);
  expect(name.length).toBe(8);
  expect(hex(terms.publicKey)).not.toContain(hex(name));
});

describe("a stamp", () => {
  const about = { commitment: secretOf("C"), recipient: accountIdToBytes(accountOf("A")), acceptedMs: NOW_MS };

  test("is the first 16 bytes of the MAC, whether made singly or many under one key", () => {
    const make = stamper(key, realm);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.maxSafeNat(),
        (commitment, recipient, acceptedMs) => {
          const expected = mac(key, "frank1/stamp", realm, commitment, recipient, u64(acceptedMs)).slice(
            0,
            STAMP_BYTES,
          );
          expect(make({ commitment, recipient, acceptedMs })).toEqual(expected);
          expect(stamp(key, realm, { commitment, recipient, acceptedMs })).toEqual(expected);
        },
      ),
    );
  });

  test("is another one for another commitment, recipient, time, realm or key", () => {
    const stamps = [
      stamp(key, realm, about),
      stamp(key, realm, { ...about, commitment: secretOf("other") }),
      stamp(key, realm, { ...about, recipient: accountIdToBytes(accountOf("B")) }),
      stamp(key, realm, { ...about, acceptedMs: NOW_MS + 1 }),
      stamp(key, new SmallRealm("other").realm, about),
      stamp(secretOf("other key"), realm, about),
    ].map(hex);
    expect(new Set(stamps).size).toBe(stamps.length);
  });

  test("is not made under a key of another length", () => {
    expect(refusal(() => stamp(key.subarray(1), realm, about))).toBe("invalidArgument");
    expect(refusal(() => stamper(new Uint8Array(33), realm))).toBe("invalidArgument");
  });
});
