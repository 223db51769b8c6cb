/** The secrets of a group's epochs: what derives from one, and how a new one reaches everybody who stays. */

import {
  type AccountId,
  type ConversationId,
  deriveGroupAccessSeed,
  deriveGroupAdminSeed,
  deriveGroupSecret,
  equalBytes,
  type GroupHandover,
  type GroupRotation,
  groupSealKey,
  type Sign,
} from "@sotto/protocol";
import { type Cipher, type DeviceKeys, type Engine, EngineRefusal, type Random } from "../../ports.js";
import type { Row } from "../../rows.js";
import type { SecretRecipient } from "../state/secrets-needed.js";

/** What an account holds of one epoch: the group's secret, and an admin the one it derives from. */
export type EpochSecret = Row<"group">["secrets"][number];

/** What an admin holds of one. */
export interface AdminEpochSecret extends EpochSecret {
  readonly adminSecret: Uint8Array;
}

/** What sealing and opening works with. */
export interface GroupCrypto {
  readonly engine: Pick<Engine, "agree" | "generateIdentity" | "publicKeyOf" | "sign" | "verify">;
  readonly cipher: Cipher;
  readonly deviceKeys: DeviceKeys;
  readonly random: Random;
}

/** A sealed secret, and whom it was sealed for. */
interface Sealing {
  readonly group: ConversationId;
  readonly account: AccountId;
  readonly ephemeral: Uint8Array;
  readonly sealed: Uint8Array;
}

const SECRET_BYTES = 32;
const TAG_BYTES = 16;
/** Each key seals once, so that its nonce says nothing. */
const NONCE = new Uint8Array(12);
const NOTHING = new Uint8Array(0);

/** Secrets of one account, newest first, that are kept: who was away for more epochs reads on from a checkpoint. */
export const MAX_SECRETS = 8;

/** A new epoch as its author holds it. */
export function freshSecret({ random }: Pick<GroupCrypto, "random">, epoch: number): AdminEpochSecret {
  const adminSecret = random.bytes(SECRET_BYTES);
  return { epoch, secret: deriveGroupSecret(adminSecret), adminSecret };
}

/** The Ed25519 pair that members of an epoch sign with for the relay. */
export function accessPair({ deviceKeys }: Pick<GroupCrypto, "deviceKeys">, secret: Uint8Array) {
  return deviceKeys.fromSeed(deriveGroupAccessSeed(secret));
}

/** What signs as `accessPair` does, for who signs often. */
export function accessSigner({ deviceKeys }: Pick<GroupCrypto, "deviceKeys">, secret: Uint8Array): Sign {
  return deviceKeys.signer(deriveGroupAccessSeed(secret));
}

/** The Ed25519 pair that admins of an epoch sign with for the relay. */
export function adminPair({ deviceKeys }: Pick<GroupCrypto, "deviceKeys">, adminSecret: Uint8Array) {
  return deviceKeys.fromSeed(deriveGroupAdminSeed(adminSecret));
}

/** A new epoch's secret for everybody who stays, in the order given. */
export function sealRotation(
  crypto: GroupCrypto,
  group: ConversationId,
  { stays, fresh }: { readonly stays: readonly SecretRecipient[]; readonly fresh: AdminEpochSecret },
): GroupRotation {
  const ephemeral = crypto.engine.generateIdentity();
  const sealed = stays.map(({ account, wrapKey, secret }) => ({
    account,
    secret: sealTo(crypto, group, {
      ephemeral,
      to: { account, wrapKey },
      secret: secret === "admin" ? fresh.adminSecret : fresh.secret,
    }),
  }));
  return {
    ephemeral: ephemeral.publicKey,
    accessKey: accessPair(crypto, fresh.secret).publicKey,
    adminKey: adminPair(crypto, fresh.adminSecret).publicKey,
    sealed,
  };
}

/**
 * What a rotation holds for one account; `undefined` if it opens with none of its keys, or is another secret than the one
 * whose keys the relay was given: then this account would follow another log than everybody else.
 */
export function openRotation(
  crypto: GroupCrypto,
  rotation: GroupRotation,
  mine: {
    readonly group: ConversationId;
    readonly me: AccountId;
    readonly epoch: number;
    readonly wrapKeys: readonly Uint8Array[];
  },
): EpochSecret | undefined {
  const { group, me, epoch, wrapKeys } = mine;
  const own = rotation.sealed.find(({ account }) => account === me);
  if (own === undefined) return undefined;
  const sealing = { group, account: me, ephemeral: rotation.ephemeral, sealed: own.secret };
  return firstThat(wrapKeys, (wrapKey) => {
    const opened = openWith(crypto, wrapKey, sealing);
    if (opened === undefined) return undefined;
    const secret = { epoch, secret: deriveGroupSecret(opened), adminSecret: opened };
    if (isOfEpoch(crypto, secret, rotation)) return secret;
    const plain = { epoch, secret: opened };
    return isOfEpoch(crypto, plain, rotation) ? plain : undefined;
  });
}

/** Whether a held secret is the one of an epoch that began with these keys. */
export function isOfEpoch(
  crypto: Pick<GroupCrypto, "deviceKeys">,
  { secret, adminSecret }: EpochSecret,
  { accessKey, adminKey }: Pick<GroupRotation, "accessKey" | "adminKey">,
): boolean {
  if (!equalBytes(accessPair(crypto, secret).publicKey, accessKey)) return false;
  return adminSecret === undefined || equalBytes(adminPair(crypto, adminSecret).publicKey, adminKey);
}

/** The present admin secret for the one account that becomes an admin. */
export function sealHandover(
  crypto: GroupCrypto,
  group: ConversationId,
  { to, adminSecret }: { readonly to: SecretRecipient; readonly adminSecret: Uint8Array },
): GroupHandover {
  const ephemeral = crypto.engine.generateIdentity();
  const secret = sealTo(crypto, group, { ephemeral, to, secret: adminSecret });
  return { ephemeral: ephemeral.publicKey, secret };
}

/** The held secret with the admin secret that was handed over; `undefined` if it does not open or belongs to another secret. */
export function openHandover(
  crypto: GroupCrypto,
  handover: GroupHandover,
  mine: {
    readonly group: ConversationId;
    readonly me: AccountId;
    readonly held: EpochSecret;
    readonly wrapKeys: readonly Uint8Array[];
  },
): EpochSecret | undefined {
  const { group, me, held, wrapKeys } = mine;
  const sealing = { group, account: me, ephemeral: handover.ephemeral, sealed: handover.secret };
  return firstThat(wrapKeys, (wrapKey) => {
    const adminSecret = openWith(crypto, wrapKey, sealing);
    if (adminSecret === undefined || !equalBytes(deriveGroupSecret(adminSecret), held.secret)) return undefined;
    return { ...held, adminSecret };
  });
}

/** Secrets of two sources, newest first, of each epoch one; the admins' counts more. */
export function mergedSecrets(some: readonly EpochSecret[], others: readonly EpochSecret[]): readonly EpochSecret[] {
  const byEpoch = new Map<number, EpochSecret>();
  for (const secret of [...some, ...others]) {
    const known = byEpoch.get(secret.epoch);
    if (known === undefined || (known.adminSecret === undefined && isSameGroupSecret(known, secret)))
      byEpoch.set(secret.epoch, secret);
  }
  return [...byEpoch.values()].sort((one, other) => other.epoch - one.epoch).slice(0, MAX_SECRETS);
}

function isSameGroupSecret(known: EpochSecret, other: EpochSecret): boolean {
  return equalBytes(known.secret, other.secret);
}

/** Who published a key that is none gets bytes that nobody can open, and stops nobody else's rotation. */
function sealTo(
  { engine, cipher, random }: GroupCrypto,
  group: ConversationId,
  {
    ephemeral,
    to: { account, wrapKey },
    secret,
  }: {
    readonly ephemeral: { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };
    readonly to: Pick<SecretRecipient, "account" | "wrapKey">;
    readonly secret: Uint8Array;
  },
): Uint8Array {
  const agreed = agreedOn(engine, ephemeral.privateKey, wrapKey);
  if (agreed === undefined) return random.bytes(SECRET_BYTES + TAG_BYTES);
  const key = groupSealKey(agreed, { group, account, ephemeral: ephemeral.publicKey, wrapKey });
  return cipher.seal(key, NONCE, secret, NOTHING);
}

function openWith(
  { engine, cipher }: GroupCrypto,
  wrapPrivate: Uint8Array,
  { group, account, ephemeral, sealed }: Sealing,
): Uint8Array | undefined {
  const agreed = agreedOn(engine, wrapPrivate, ephemeral);
  if (agreed === undefined) return undefined;
  const key = groupSealKey(agreed, { group, account, ephemeral, wrapKey: engine.publicKeyOf(wrapPrivate) });
  const opened = cipher.open(key, NONCE, sealed, NOTHING);
  return opened?.length === SECRET_BYTES ? opened : undefined;
}

function agreedOn(
  engine: GroupCrypto["engine"],
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array | undefined {
  try {
    return engine.agree(privateKey, publicKey);
  } catch (error) {
    if (error instanceof EngineRefusal) return undefined;
    throw error;
  }
}

function firstThat<T, R>(all: readonly T[], judge: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = judge(one);
    if (found !== undefined) return found;
  }
  return undefined;
}
