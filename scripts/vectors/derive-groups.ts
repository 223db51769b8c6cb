/** Vectors of everything that is derived, signed and shown of a group's keys. */

import * as protocol from "@sotto/protocol";

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const counting = (length: number) => Uint8Array.from({ length }, (_, at) => at);

const group = protocol.parseConversationId("00112233445566778899aabbccddeeff");
const account = protocol.parseAccountId("ffeeddcc-bbaa-9988-7766-554433221100");
const curveKey = (value: number) => Uint8Array.of(5, ...filled(32, value));
const keys = { accessKey: filled(32, 0x11), adminKey: filled(32, 0x22) };
const entry = counting(100);
const append = { group, expectedSeq: 0x0102_0304, entry };
const create = { group, ...keys, entry };
const read = { group, after: 7, atMs: 1_800_000_000_000 };
const checkpoint = { group, seq: 8, body: counting(64) };
const send = { group, revision: 9, messageId: counting(16), message: counting(200) };
const sealing = { group, account, ephemeral: curveKey(0x33), wrapKey: curveKey(0x44) };
const agreed = filled(32, 0x55);

/** One derivation with its arguments. */
export type Derivation = readonly [name: string, input: readonly unknown[], run: () => unknown];

/** The derivations of groups. */
export const groupDerivations: readonly Derivation[] = [
  ["deriveGroupSecret", [counting(32)], () => protocol.deriveGroupSecret(counting(32))],
  ["deriveGroupAccessSeed", [counting(32)], () => protocol.deriveGroupAccessSeed(counting(32))],
  ["deriveGroupAdminSeed", [counting(32)], () => protocol.deriveGroupAdminSeed(counting(32))],
  ["deriveGroupEntryKey", [counting(32)], () => protocol.deriveGroupEntryKey(counting(32))],
  ["deriveGroupWrapKey", [counting(32), filled(32, 1)], () => protocol.deriveGroupWrapKey(counting(32), filled(32, 1))],
  ["groupSealKey", [agreed, sealing], () => protocol.groupSealKey(agreed, sealing)],
  ["groupEntryContext", [group, 5, 2], () => protocol.groupEntryContext(group, 5, 2)],
  ["groupCheckpointContext", [group, 5, 2], () => protocol.groupCheckpointContext(group, 5, 2)],
  ["groupCreateText", [create], () => protocol.groupCreateText(create)],
  ["groupAppendText", [append], () => protocol.groupAppendText(append)],
  ["groupAppendText", [{ ...append, next: keys }], () => protocol.groupAppendText({ ...append, next: keys })],
  ["groupReadText", [read], () => protocol.groupReadText(read)],
  ["groupCheckpointText", [checkpoint], () => protocol.groupCheckpointText(checkpoint)],
  [
    "groupMessageId",
    [{ group, sender: account }, counting(8)],
    () => protocol.groupMessageId({ group, sender: account }, counting(8)),
  ],
  ["groupSendText", [send], () => protocol.groupSendText(send)],
  ["accessTagText", [counting(16), account, agreed], () => protocol.accessTagText(counting(16), account, agreed)],
  ["accessTag", [counting(16), account, agreed], () => protocol.accessTag(counting(16), account, agreed)],
  [
    "accessTag",
    [protocol.fetchContext, account, agreed],
    () => protocol.accessTag(protocol.fetchContext, account, agreed),
  ],
];
