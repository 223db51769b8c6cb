import { createHash, hkdfSync } from "node:crypto";
import {
  ACCESS_TAG_BYTES,
  type AccountId,
  accessTag,
  type ConversationId,
  deriveGroupAccessSeed,
  deriveGroupAdminSeed,
  deriveGroupEntryKey,
  deriveGroupSecret,
  deriveGroupWrapKey,
  fetchContext,
  groupAppendText,
  groupCheckpointContext,
  groupCheckpointText,
  groupCreateText,
  groupEntryContext,
  groupReadText,
  groupSealKey,
  groupSendText,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const u32 = (value: number) => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const labelled = (label: string, ...fields: readonly Uint8Array[]) =>
  Buffer.concat([
    Buffer.from([label.length]),
    Buffer.from(label),
    ...fields.flatMap((field) => [u32(field.length), Buffer.from(field)]),
  ]);
const hkdf = (secret: Uint8Array, info: string) =>
  hex(new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), info, 32)));

const GROUP = "00112233445566778899aabbccddeeff" as ConversationId;
const GROUP_BYTES = Buffer.from(GROUP, "hex");
const ACCOUNT = "ffeeddcc-bbaa-9988-7766-554433221100" as AccountId;
const ACCOUNT_BYTES = Buffer.from(ACCOUNT.replaceAll("-", ""), "hex");
const [access, admin, entry] = [filled(32, 1), filled(32, 2), filled(90, 3)];

test("an epoch's keys are HKDF of its secrets, each under a label of its own", () => {
  const secret = filled(32, 7);
  expect(hex(deriveGroupSecret(secret))).toBe(hkdf(secret, "sotto/group-secret/1"));
  expect(hex(deriveGroupAccessSeed(secret))).toBe(hkdf(secret, "sotto/group-access/1"));
  expect(hex(deriveGroupAdminSeed(secret))).toBe(hkdf(secret, "sotto/group-admin/1"));
  expect(hex(deriveGroupEntryKey(secret))).toBe(hkdf(secret, "sotto/group-entry-key/1"));
});

test("an account's wrap key needs its identity and its profile key", () => {
  const expected = hkdf(labelled("sotto/group-wrap/1", filled(32, 1), filled(32, 2)), "sotto/group-wrap/1");
  expect(hex(deriveGroupWrapKey(filled(32, 1), filled(32, 2)))).toBe(expected);
});

test("a sealed secret's key is bound to the group, to whom it is for and to both public keys", () => {
  const of = { group: GROUP, account: ACCOUNT, ephemeral: filled(33, 5), wrapKey: filled(33, 6) };
  const text = labelled("sotto/group-seal/1", filled(32, 4), GROUP_BYTES, ACCOUNT_BYTES, of.ephemeral, of.wrapKey);
  expect(hex(groupSealKey(filled(32, 4), of))).toBe(hkdf(text, "sotto/group-seal/1"));
});

describe("the texts of groups", () => {
  test("bind entries and checkpoints to group, number and epoch", () => {
    const fields = [GROUP_BYTES, u32(5), u32(2)] as const;
    expect(hex(groupEntryContext(GROUP, 5, 2))).toBe(hex(labelled("sotto/group-entry-context/1", ...fields)));
    const checkpoint = labelled("sotto/group-checkpoint-context/1", ...fields);
    expect(hex(groupCheckpointContext(GROUP, 5, 2))).toBe(hex(checkpoint));
  });

  test("that prove something to the relay name what they are for, and all of it", () => {
    const keys = { accessKey: access, adminKey: admin };
    const create = labelled("sotto/group-create/1", GROUP_BYTES, access, admin, sha256(entry));
    expect(hex(groupCreateText({ group: GROUP, ...keys, entry }))).toBe(hex(create));
    const append = [GROUP_BYTES, u32(0xffff_fffe), sha256(entry)] as const;
    const behind = { group: GROUP, expectedSeq: 0xffff_fffe, entry };
    expect(hex(groupAppendText(behind))).toBe(hex(labelled("sotto/group-append/1", ...append)));
    const next = labelled("sotto/group-append/1", ...append, access, admin);
    expect(hex(groupAppendText({ ...behind, next: keys }))).toBe(hex(next));
    const read = labelled("sotto/group-read/1", GROUP_BYTES, u32(7), Buffer.from("1800000000000"));
    expect(hex(groupReadText({ group: GROUP, after: 7, atMs: 1_800_000_000_000 }))).toBe(hex(read));
    const checkpoint = labelled("sotto/group-checkpoint/1", GROUP_BYTES, u32(8), sha256(entry));
    expect(hex(groupCheckpointText({ group: GROUP, seq: 8, body: entry }))).toBe(hex(checkpoint));
    const send = labelled("sotto/group-send/1", GROUP_BYTES, u32(9), filled(16, 4), sha256(entry));
    const sent = { group: GROUP, revision: 9, messageId: filled(16, 4), message: entry };
    expect(hex(groupSendText(sent))).toBe(hex(send));
  });
});

test("an access tag is the beginning of a hash over send, account and delivery key hash", () => {
  const text = labelled("sotto/access-tag/1", filled(16, 1), ACCOUNT_BYTES, filled(32, 2));
  const tag = accessTag(filled(16, 1), ACCOUNT, filled(32, 2));
  expect(tag).toHaveLength(ACCESS_TAG_BYTES);
  expect(hex(tag)).toBe(sha256(text).subarray(0, ACCESS_TAG_BYTES).toString("hex"));
  expect(accessTag(fetchContext, ACCOUNT, filled(32, 2))).toEqual(accessTag(filled(16, 0), ACCOUNT, filled(32, 2)));
});
