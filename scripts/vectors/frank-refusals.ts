/** Franks that pass, and every reason why one does not. */

import {
  type AccountId,
  accountIdToBytes,
  CLOCK_SKEW_MS,
  type Content,
  type ConversationId,
  EPOCH_MS,
  type FrankCheck,
  groupRoster,
  toHex,
} from "@sotto/protocol";
import {
  accountOf,
  type Device,
  EPOCH,
  NOW_MS,
  type Sent,
  SmallRealm,
  secretOf,
} from "../../test/support/franking/realm.js";

/** One check, and what comes of it. */
export interface Refusal {
  readonly name: string;
  readonly sent: Sent;
  readonly me: AccountId;
  readonly changed: Partial<FrankCheck>;
  readonly reason: string;
}

/** All of them. */
export function frankCases(small: SmallRealm, sender: Device, words: Content): readonly Refusal[] {
  const me = accountOf("A");
  const sent = small.send(sender, me, words);
  const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
  const members = Array.from({ length: 5 }, (_, at) => accountOf(`member ${at}`));
  const roster = groupRoster(small.realm, { group, revision: 7, head: secretOf("head") }, members);
  const said = small.send(sender, { kind: "group", roster }, { ...words, conversation: group, revision: 7 });
  const other = small.device("S", { device: 3 });
  const forged = small.send({ ...sender, key: other.key }, me, words);
  const flipped = (name: "frank" | "commitment" | "committed", at: number): Sent => {
    const bytes = new Uint8Array(sent[name]);
    bytes[at] = (bytes[at] as number) ^ 1;
    return { ...sent, [name]: bytes };
  };
  const rows: readonly (readonly [string, Sent, AccountId, Partial<FrankCheck>, string])[] = [
    ["a DM", sent, me, {}, "genuine"],
    ["a DM, as its sender keeps it", sent, sender.account, { stampedFor: accountIdToBytes(me) }, "genuine"],
    ["a group's message, to its third member", said, members[2] ?? me, {}, "genuine"],
    ["a group's message, to an outsider", said, accountOf("outsider"), {}, "roster"],
    ["a DM, to another reader", sent, accountOf("B"), {}, "roster"],
    ["no frank", { ...sent, frank: new Uint8Array(0) }, me, {}, "unfranked"],
    ["a frank cut short", { ...sent, frank: sent.frank.subarray(0, -1) }, me, {}, "malformed"],
    ["a frank with a byte behind it", { ...sent, frank: Uint8Array.of(...sent.frank, 0) }, me, {}, "malformed"],
    ["version 2", { ...sent, frank: Uint8Array.of(2, ...sent.frank.subarray(1)) }, me, {}, "version"],
    ["a realm that takes version 2 and later", sent, me, { minVersion: 2 }, "version"],
    ["an epoch that the realm does not know", sent, me, { epochKey: () => undefined }, "epoch"],
    ["taken before the token's life", { ...sent, acceptedMs: EPOCH * EPOCH_MS - CLOCK_SKEW_MS - 1 }, me, {}, "time"],
    ["taken in the future", sent, me, { nowMs: NOW_MS - CLOCK_SKEW_MS - 1 }, "time"],
    ["a revoked token", sent, me, { isRevoked: () => true }, "revoked"],
    ["another secret", flipped("frank", 5), me, {}, "commitment"],
    ["another token key", flipped("frank", 40), me, {}, "commitment"],
    ["another account tag", flipped("frank", 70), me, {}, "commitment"],
    ["another signature of the issuer", flipped("frank", 110), me, {}, "commitment"],
    ["another signature of the token's key", flipped("frank", 170), me, {}, "commitment"],
    ["another commitment", flipped("commitment", 0), me, {}, "commitment"],
    ["other words", flipped("committed", 50), me, {}, "commitment"],
    ["another account's session", { ...sent, from: { ...sender, account: accountOf("X") } }, me, {}, "token"],
    ["another device's session", { ...sent, from: { ...sender, device: other.device } }, me, {}, "token"],
    ["signed by a key that is not the token's", forged, me, {}, "signature"],
    ["another realm", sent, me, { realm: new SmallRealm("other").realm }, "commitment"],
  ];
  return rows.map(([name, what, reader, changed, reason]) => ({ name, sent: what, me: reader, changed, reason }));
}
