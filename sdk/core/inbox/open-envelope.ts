/**
 * The only function that opens an envelope. It validates the sender certificate, decrypts under the sender's lock, and
 * checks that what it says fits the channel it came through (fitting.ts). Nothing is shown that did not pass here.
 */

import {
  type AccountRole,
  type ConversationId,
  type DeviceId,
  decodePayload,
  equalBytes,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { LOST } from "../conversations/item-reader.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import type { KeyedLock } from "../keyed-lock.js";
import { type Address, type Engine, EngineRefusal, type EngineRefusalReason, type Unsealed } from "../ports.js";
import type { Row } from "../rows.js";
import { CollectedRecords } from "../sessions/engine-records.js";
import type { FormerSessions } from "../sessions/former-sessions.js";
import type { IdentityChange, IdentityChanges } from "../sessions/identity-changes.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Channel, type Said, said } from "./fitting.js";

/** What opening works with. */
export interface OpeningParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Engine;
  readonly locks: KeyedLock;
  readonly identityChanges: IdentityChanges;
  /** Decrypts with the session in use, or with one that was put aside; collects the changes. */
  readonly former: Pick<FormerSessions, "decrypt" | "decryptOf">;
  /** Which group another device's sender key was handed out for. */
  readonly senderKeys: Pick<SenderKeys, "groupOf">;
  /** Whether a device was one of this account, as far as the relay's list told, when the relay took mail of it. */
  isOwnDevice(device: DeviceId, acceptedMs: number): boolean;
  /** The pinned roots. */
  roots(): readonly Uint8Array[];
  /** The relay's clock, which certificates are issued by. */
  nowMs(): number;
}

/** What came of an envelope. All but `rejected` name a sender that the relay's certificate vouches for. */
export type Opened =
  | (Decrypted & { readonly kind: "payload"; readonly said: Said })
  | { readonly kind: "duplicate"; readonly sender: Address }
  /** It decrypted, but what it says is not what its sender may say; the ratchet moves on, nothing is shown. */
  | (Decrypted & { readonly kind: "unfit"; readonly reason: "malformedContent" | "wrongSender" })
  /** `lost`: its sender's identity is given up, so that nobody can send it again. */
  | {
      readonly kind: "undecryptable";
      readonly sender: Address;
      readonly reason: EngineRefusalReason | typeof LOST;
      /** The group its sender says it is said in, where it came under a sender key. */
      readonly group?: ConversationId | undefined;
    }
  | { readonly kind: "rejected"; readonly reason: EngineRefusalReason };

/** What every envelope that decrypted has, whatever it says. */
export interface Decrypted {
  readonly sender: Address;
  readonly senderIdentity: Uint8Array;
  /** What its certificate says the account is. */
  readonly role: AccountRole;
  readonly records: CollectedRecords;
  readonly identityChange: IdentityChange | undefined;
  /** The sender's row under its lock, with the identity that this envelope showed. */
  readonly peer: Row<"peer">;
  /** `former`: it comes from an identity that its account has given up. What it says counts, and changes nothing of today. */
  readonly era: "present" | "former";
}

/**
 * Opens an envelope that the relay accepted at `acceptedMs` and hands the outcome to `handle`, which runs under the sender's
 * lock and commits what it decides.
 *
 * @throws what `handle` throws, and storeFailed or storeCorrupt; never for what the envelope holds.
 */
export async function openEnvelope<T>(
  parts: OpeningParts,
  { body: sealed, acceptedMs }: { readonly body: Uint8Array; readonly acceptedMs: number },
  handle: (opened: Opened) => Promise<T>,
): Promise<T> {
  const { store, account, peers, engine, locks } = parts;
  const records = new CollectedRecords(store, account, peers);
  let unsealed: Unsealed;
  try {
    unsealed = await engine.unseal(records, sealed, parts.roots(), parts.nowMs());
  } catch (error) {
    return handle({ kind: "rejected", reason: refusal(error) });
  }
  return locks.run(unsealed.sender.account, async () => handle(await decrypt(parts, records, unsealed, acceptedMs)));
}

async function decrypt(
  parts: OpeningParts,
  records: CollectedRecords,
  unsealed: Unsealed,
  acceptedMs: number,
): Promise<Opened> {
  const { account, peers, identityChanges, former } = parts;
  const { sender, senderIdentity, role } = unsealed;
  // Devices of this account share its identity: whoever says to be one with another key is none.
  // So does one that was removed, for as long as its certificate lives: only devices of the relay's list are heard.
  if (sender.account === account.id) {
    const isOwn =
      equalBytes(senderIdentity, account.identity.publicKey) && parts.isOwnDevice(sender.device, acceptedMs);
    if (!isOwn) return { kind: "rejected", reason: "untrustedIdentity" };
  }
  const before = await peers.get(sender.account);
  if (unsealed.kind === "senderKey") return underSenderKey(parts, records, { unsealed, before, acceptedMs });
  const left = formerIdentity(before, senderIdentity);
  if (left !== undefined) {
    if (acceptedMs > left.untilMs) return { kind: "rejected", reason: "untrustedIdentity" };
    return ofFormerIdentity(parts, records, unsealed, before);
  }
  let identityChange: IdentityChange | undefined;
  let plaintext: Uint8Array;
  try {
    plaintext = await former.decrypt(records, unsealed);
  } catch (error) {
    if (refusal(error) !== "untrustedIdentity") return failed(sender, error);
    records.replaceIdentity(sender.account, senderIdentity);
    try {
      plaintext = await former.decrypt(records, unsealed);
    } catch (again) {
      return failed(sender, again);
    }
    identityChange = await identityChanges.replace(before, senderIdentity, acceptedMs);
  }
  const peer = identityChange?.row ?? before;
  const decrypted = { sender, senderIdentity, role, records, identityChange, peer, era: "present" } as const;
  return read(decrypted, plaintext, account, SESSION);
}

const SESSION: Channel = { kind: "session" };

/**
 * What was said to a group. The key came through a session, so the certificate must show the identity of that session: one
 * that this device has not met there yet is asked to send again, in a session.
 */
async function underSenderKey(
  { account, engine, senderKeys }: OpeningParts,
  records: CollectedRecords,
  {
    unsealed,
    before,
    acceptedMs,
  }: { readonly unsealed: Unsealed; readonly before: Row<"peer">; readonly acceptedMs: number },
): Promise<Opened> {
  const { sender, senderIdentity, role, distribution } = unsealed;
  if (sender.account === account.id || distribution === undefined) return { kind: "rejected", reason: "malformed" };
  const group = unsealed.group === undefined ? undefined : (toHex(unsealed.group) as ConversationId);
  const left = formerIdentity(before, senderIdentity);
  if (left !== undefined && acceptedMs > left.untilMs) return { kind: "rejected", reason: "untrustedIdentity" };
  const isKnown = before.identityKey !== undefined && equalBytes(before.identityKey, senderIdentity);
  if (!isKnown && left === undefined) return { kind: "undecryptable", sender, reason: "untrustedIdentity", group };
  const bound = await senderKeys.groupOf(sender, distribution);
  if (bound === undefined) return { kind: "undecryptable", sender, reason: "noSenderKey", group };
  try {
    const { plaintext, changes } = await engine.decrypt(records, unsealed);
    records.collect(changes);
    const era = left === undefined ? "present" : "former";
    const decrypted = { sender, senderIdentity, role, records, identityChange: undefined, peer: before, era } as const;
    return read(decrypted, plaintext, account, { kind: "senderKey", group: bound });
  } catch (error) {
    return failed(sender, error, bound);
  }
}

/** The entry of an identity its account has given up, if that is what mail comes from. */
function formerIdentity({ identityKey, formerIdentities }: Row<"peer">, senderIdentity: Uint8Array) {
  if (identityKey === undefined || equalBytes(identityKey, senderIdentity)) return undefined;
  return formerIdentities.find(({ key }) => equalBytes(key, senderIdentity));
}

/** Mail that was on its way when its account started over: it opens, and leaves the identity of today alone. */
async function ofFormerIdentity(
  parts: OpeningParts,
  records: CollectedRecords,
  unsealed: Unsealed,
  peer: Row<"peer">,
): Promise<Opened> {
  const { sender, senderIdentity, role } = unsealed;
  records.replaceIdentity(sender.account, senderIdentity);
  try {
    const plaintext = await parts.former.decryptOf(records, unsealed);
    const decrypted = {
      sender,
      senderIdentity,
      role,
      records,
      identityChange: undefined,
      peer,
      era: "former",
    } as const;
    return read(decrypted, plaintext, parts.account, SESSION);
  } catch (error) {
    const outcome = failed(sender, error);
    return outcome.kind === "undecryptable" ? { ...outcome, reason: LOST } : outcome;
  }
}

function read(decrypted: Decrypted, plaintext: Uint8Array, account: OwnAccount, channel: Channel): Opened {
  const { sender } = decrypted;
  try {
    const fitting = said(decodePayload(plaintext), sender, account.id, channel);
    if (fitting === undefined) return { kind: "unfit", ...decrypted, reason: "wrongSender" };
    return { kind: "payload", ...decrypted, said: fitting };
  } catch {
    return { kind: "unfit", ...decrypted, reason: "malformedContent" };
  }
}

function failed(sender: Address, error: unknown, group?: ConversationId): Opened {
  const reason = refusal(error);
  return reason === "duplicate" ? { kind: "duplicate", sender } : { kind: "undecryptable", sender, reason, group };
}

/** The engine's reason; anything else is no verdict on the envelope and must not be mistaken for one. */
function refusal(error: unknown): EngineRefusalReason {
  if (error instanceof EngineRefusal) return error.reason;
  throw error;
}
