import { createHash, hkdfSync } from "node:crypto";
import {
  type AccountId,
  accessDigest,
  accountIdFromBytes,
  authenticationText,
  type DeviceId,
  deriveDeliveryKey,
  digest,
  directConversationId,
  hashDeliveryKey,
  hashResumeToken,
  keyDigest,
  labelled,
  parseAccountId,
  parseDeviceId,
  registrationText,
  rootFingerprint,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const sha256 = (...parts: readonly Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest("hex");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const sized = (...bytes: readonly number[]) => Buffer.from([0, 0, 0, bytes.length, ...bytes]);
const field = (bytes: Uint8Array) => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
const label = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const accounts = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(accountIdFromBytes);

describe("labelled fields", () => {
  test("are the label and every field behind their lengths", () => {
    const spelled = labelled("ab", Uint8Array.of(1), new Uint8Array(0), filled(300, 2));
    expect(hex(spelled)).toBe(`026162${"0000000101"}${"00000000"}${"0000012c"}${"02".repeat(300)}`);
  });

  test("of different fields are never the same bytes", () => {
    const fields = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 3 });
    const name = fc.constantFrom("a", "ab", "a\0");
    fc.assert(
      fc.property(name, fields, name, fields, (labelA, a, labelB, b) => {
        const same = labelA === labelB && JSON.stringify(a) === JSON.stringify(b);
        expect(hex(labelled(labelA, ...a)) === hex(labelled(labelB, ...b))).toBe(same);
      }),
      { numRuns: 3_000 },
    );
  });
});

test("digest and root fingerprint are SHA-256", () => {
  const root = filled(33, 5);
  expect(hex(digest(root))).toBe(sha256(root));
  expect(rootFingerprint(root)).toBe(`sha256:${sha256(root)}`);
});

describe("the conversation of two accounts", () => {
  const one = "00112233-4455-6677-8899-aabbccddeeff" as AccountId;
  const other = "ffeeddcc-bbaa-9988-7766-554433221100" as AccountId;

  test("is the first half of a hash of both ids in order", () => {
    const [low, high] = [one, other].map((account) => Buffer.from(account.replaceAll("-", ""), "hex"));
    const expected = sha256(label("sotto/dm/1"), field(low as Buffer), field(high as Buffer)).slice(0, 32);
    expect(directConversationId(one, other)).toBe(expected);
  });

  test("is the same from both sides, and another for every other pair", () => {
    fc.assert(
      fc.property(accounts, accounts, accounts, (a, b, c) => {
        expect(directConversationId(a, b)).toBe(directConversationId(b, a));
        if (b !== c) expect(directConversationId(a, b)).not.toBe(directConversationId(a, c));
      }),
    );
  });
});

test("the delivery key is HKDF of the profile key, and its hash is labelled", () => {
  const profileKey = filled(32, 9);
  const expected = Buffer.from(hkdfSync("sha256", profileKey, new Uint8Array(32), "sotto/delivery-key/1", 16));
  expect(hex(deriveDeliveryKey(profileKey))).toBe(expected.toString("hex"));
  expect(hex(hashDeliveryKey(expected))).toBe(sha256(label("sotto/delivery-key-hash/1"), field(expected)));
});

test("the text a device signs to authenticate names nonce, relay, account and device", () => {
  const account = "00112233-4455-6677-8899-aabbccddeeff" as AccountId;
  const text = authenticationText({ nonce: filled(32, 1), root: filled(33, 2) }, account, 127 as DeviceId);
  const id = Buffer.from(account.replaceAll("-", ""), "hex");
  const expected = [label("sotto/authenticate/1"), field(filled(32, 1)), field(filled(33, 2)), field(id), sized(127)];
  expect(hex(text)).toBe(hex(Buffer.concat(expected)));
});

test("the text a device signs to register names every key it brings, and the device whose place it takes", () => {
  const challenge = { nonce: filled(32, 1), root: filled(33, 2) };
  const keys = {
    mode: "reset",
    identityKey: filled(33, 3),
    authenticationKey: filled(32, 4),
    registrationId: 0x3ffe,
    deliveryKeyHash: filled(32, 5),
  } as const;
  const fields = [filled(32, 1), filled(33, 2), Buffer.from("reset"), filled(33, 3), filled(32, 4)].map(field);
  const text = [label("sotto/register/1"), ...fields, sized(0x3f, 0xfe), field(filled(32, 5))];
  expect(hex(registrationText(challenge, keys))).toBe(hex(Buffer.concat([...text, sized(0)])));
  const replacing = registrationText(challenge, { ...keys, replaces: parseDeviceId(3) });
  expect(hex(replacing)).toBe(hex(Buffer.concat([...text, sized(3)])));
});

test("the digest of access settings covers all three and no order", () => {
  const [one, other] = [
    parseAccountId("00112233-4455-6677-8899-aabbccddeeff"),
    parseAccountId("ffeeddcc-bbaa-9988-7766-554433221100"),
  ];
  const access = { deliveryKeyHash: filled(32, 1), firstContact: "grant", blocked: [other, one] } as const;
  const ids = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"].map((id) =>
    field(Buffer.from(id, "hex")),
  );
  const expected = sha256(label("sotto/access/1"), field(filled(32, 1)), field(Buffer.from("grant")), ...ids);
  expect(hex(accessDigest(access))).toBe(expected);
  expect(hex(accessDigest({ ...access, blocked: [one, other] }))).toBe(expected);
  const changed = [
    { ...access, deliveryKeyHash: filled(32, 2) },
    { ...access, firstContact: "everyone" as const },
    { ...access, blocked: [one] },
  ];
  for (const another of changed) expect(hex(accessDigest(another))).not.toBe(expected);
});

test("the hash of a resume token has a label of its own", () => {
  expect(hex(hashResumeToken(filled(16, 1)))).toBe(sha256(label("sotto/resume/1"), field(filled(16, 1))));
});

test("the key digest covers identity, registration id and both long-lived prekeys", () => {
  const keys = {
    identityKey: filled(33, 1),
    registrationId: 0x1234,
    signedPrekey: { id: 0xabcdef, key: filled(33, 2) },
    lastResortPrekey: { id: 1, key: filled(1569, 3) },
  };
  const expected = sha256(
    label("sotto/key-digest/1"),
    field(filled(33, 1)),
    sized(0, 0x12, 0x34),
    sized(0xab, 0xcd, 0xef),
    field(filled(33, 2)),
    sized(0, 0, 1),
    field(filled(1569, 3)),
  );
  expect(hex(keyDigest(keys))).toBe(expected);
  const changed = [
    { ...keys, identityKey: filled(33, 9) },
    { ...keys, registrationId: 1 },
    { ...keys, signedPrekey: { ...keys.signedPrekey, id: 7 } },
    { ...keys, lastResortPrekey: { ...keys.lastResortPrekey, key: filled(1569, 4) } },
  ];
  for (const other of changed) expect(hex(keyDigest(other))).not.toBe(expected);
});
