/** Epoch secrets: sealed to each who stays, opened by nobody else, and never another one than the relay's keys are of. */

import { accountIdFromBytes, type ConversationId, deriveGroupSecret, toHex } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import {
  freshSecret,
  type GroupCrypto,
  mergedSecrets,
  openHandover,
  openRotation,
  sealHandover,
  sealRotation,
} from "../../../../../sdk/core/groups/log/group-keys.js";
import {
  NONCE_BYTES,
  openEntry,
  sealCheckpoint,
  sealEntry,
} from "../../../../../sdk/core/groups/log/sealed-entries.js";
import { nodePlatform } from "../../../../../sdk/node/platform.js";

const { cipher, deviceKeys, random } = nodePlatform;
const group = toHex(random.bytes(16)) as ConversationId;
let crypto: GroupCrypto;

beforeAll(async () => {
  crypto = { engine: await nodePlatform.engine(), cipher, deviceKeys, random };
});

function recipient(secret: "admin" | "group") {
  const { publicKey, privateKey } = crypto.engine.generateIdentity();
  return { account: accountIdFromBytes(random.bytes(16)), wrapKey: publicKey, privateKey, secret };
}

describe("a rotation", () => {
  it("gives admins the admins' secret, and members the one that derives from it", () => {
    const [admin, member] = [recipient("admin"), recipient("group")];
    const fresh = freshSecret(crypto, 7);
    const rotation = sealRotation(crypto, group, { stays: [admin, member], fresh });
    const open = ({ account, privateKey }: typeof admin) =>
      openRotation(crypto, rotation, { group, me: account, epoch: 7, wrapKeys: [random.bytes(32), privateKey] });
    expect(open(admin)).toEqual(fresh);
    expect(open(member)).toEqual({ epoch: 7, secret: fresh.secret });
    expect(fresh.secret).toEqual(deriveGroupSecret(fresh.adminSecret));
  });

  it("opens for nobody else, in no other group, and not with another's key", () => {
    const [one, other] = [recipient("group"), recipient("group")];
    const rotation = sealRotation(crypto, group, { stays: [one, other], fresh: freshSecret(crypto, 2) });
    const mine = { group, me: one.account, epoch: 2, wrapKeys: [one.privateKey] };
    expect(openRotation(crypto, rotation, mine)).toBeDefined();
    expect(openRotation(crypto, rotation, { ...mine, wrapKeys: [other.privateKey] })).toBeUndefined();
    expect(openRotation(crypto, rotation, { ...mine, me: recipient("group").account })).toBeUndefined();
    const elsewhere = toHex(random.bytes(16)) as ConversationId;
    expect(openRotation(crypto, rotation, { ...mine, group: elsewhere })).toBeUndefined();
  });

  it("is sealed to each under a key of its own, also where somebody published another's wrap key", () => {
    const [admin, member] = [recipient("admin"), recipient("group")];
    // Its inviter names the key; copied from an admin, two secrets under one key and nonce would show the admins' to members.
    const copied = { ...recipient("group"), wrapKey: admin.wrapKey };
    const fresh = freshSecret(crypto, 2);
    const rotation = sealRotation(crypto, group, { stays: [admin, copied, member], fresh });
    const [toAdmin, toCopied] = rotation.sealed.map(({ secret }) => secret);
    const guessed = fresh.secret.map((byte, at) => byte ^ (toAdmin?.[at] ?? 0) ^ (toCopied?.[at] ?? 0));
    expect(guessed).not.toEqual(fresh.adminSecret);
    const mine = { group, me: admin.account, epoch: 2, wrapKeys: [admin.privateKey] };
    expect(openRotation(crypto, rotation, mine)).toEqual(fresh);
    expect(openRotation(crypto, rotation, { ...mine, me: copied.account })).toEqual({ epoch: 2, secret: fresh.secret });
  });

  it("is refused where the secret is another one than the keys that the relay was given", () => {
    const [admin, member] = [recipient("admin"), recipient("group")];
    const stays = [admin, member];
    const rotation = sealRotation(crypto, group, { stays, fresh: freshSecret(crypto, 2) });
    const other = sealRotation(crypto, group, { stays, fresh: freshSecret(crypto, 2) });
    const open = (lying: typeof rotation, { account, privateKey }: typeof admin) =>
      openRotation(crypto, lying, { group, me: account, epoch: 2, wrapKeys: [privateKey] });
    expect(open({ ...rotation, accessKey: other.accessKey }, member)).toBeUndefined();
    expect(open({ ...rotation, accessKey: other.accessKey }, admin)).toBeUndefined();
    // Only admins can tell, and only admins need it.
    expect(open({ ...rotation, adminKey: other.adminKey }, admin)).toBeUndefined();
  });

  it("goes on around a key that is none", () => {
    const [bad, good] = [
      { ...recipient("group"), wrapKey: Uint8Array.of(5, ...new Uint8Array(32)) },
      recipient("group"),
    ];
    const rotation = sealRotation(crypto, group, { stays: [bad, good], fresh: freshSecret(crypto, 2) });
    expect(rotation.sealed[0]?.secret).toHaveLength(48);
    const mine = { group, me: good.account, epoch: 2, wrapKeys: [good.privateKey] };
    expect(openRotation(crypto, rotation, mine)).toBeDefined();
  });
});

describe("a handover", () => {
  it("is taken only if it is the admins' secret of the epoch that is held", () => {
    const to = recipient("admin");
    const fresh = freshSecret(crypto, 3);
    const held = { epoch: 3, secret: fresh.secret };
    const mine = { group, me: to.account, held, wrapKeys: [to.privateKey] };
    expect(openHandover(crypto, sealHandover(crypto, group, { to, adminSecret: fresh.adminSecret }), mine)).toEqual(
      fresh,
    );
    const wrong = sealHandover(crypto, group, { to, adminSecret: random.bytes(32) });
    expect(openHandover(crypto, wrong, mine)).toBeUndefined();
  });
});

describe("held secrets", () => {
  it("are kept newest first, one for each epoch, the admins' rather than the group's, eight at most", () => {
    const secrets = Array.from({ length: 12 }, (_, epoch) => freshSecret(crypto, epoch + 1));
    const plain = secrets.map(({ epoch, secret }) => ({ epoch, secret }));
    const merged = mergedSecrets(plain, secrets);
    expect(merged.map(({ epoch }) => epoch)).toEqual([12, 11, 10, 9, 8, 7, 6, 5]);
    expect(merged[0]).toEqual(secrets[11]);
    // Another secret under the same epoch is somebody's mistake or lie: the first one stays.
    expect(mergedSecrets([plain[0] ?? { epoch: 1, secret: random.bytes(32) }], [freshSecret(crypto, 1)])).toEqual([
      plain[0],
    ]);
  });
});

describe("a sealed entry", () => {
  it("opens under its number, group and epoch only, and as no checkpoint", () => {
    const secret = freshSecret(crypto, 4);
    const entry = random.bytes(50);
    const place = { group, seq: 9 };
    const sealed = sealEntry(crypto, place, { secret, entry, nonce: random.bytes(NONCE_BYTES) });
    expect(openEntry(crypto, place, { secret, sealed })).toEqual(entry);
    expect(openEntry(crypto, { ...place, seq: 10 }, { secret, sealed })).toBeUndefined();
    expect(
      openEntry(crypto, { ...place, group: toHex(random.bytes(16)) as ConversationId }, { secret, sealed }),
    ).toBeUndefined();
    expect(openEntry(crypto, place, { secret: { ...secret, epoch: 5 }, sealed })).toBeUndefined();
    expect(openEntry(crypto, place, { secret, sealed: sealed.subarray(0, 10) })).toBeUndefined();
    const checkpoint = sealCheckpoint(crypto, place, { secret, state: entry });
    expect(openEntry(crypto, place, { secret, sealed: checkpoint })).toBeUndefined();
  });
});
