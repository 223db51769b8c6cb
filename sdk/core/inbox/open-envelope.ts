/**
 * The only function that opens an envelope. It validates the sender certificate, decrypts under the sender's lock, and
 * checks that what it says fits the channel it came through (fitting.ts) and bears a good frank. Nothing is shown that did not
 * pass here; only the frank of what is said in a group waits until its log was read so far, and nothing is shown of it before.
 */

import {
  type AccountRole,
  type ConversationId,
  type DeviceId,
  decodePayload,
  equalBytes,
  type Frame,
  type FrankRefusal,
  type Payload,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { LOST } from "../conversations/item-reader.js";
import type { Checking } from "../franking/checking.js";
import type { Genuine } from "../franking/genuine.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import type { KeyedLock } from "../keyed-lock.js";
import { type Address, type Engine, EngineRefusal, type EngineRefusalReason, type Unsealed } from "../ports.js";
import type { Row } from "../rows.js";
import { CollectedRecords } from "../sessions/engine-records.js";
import type { FormerSessions } from "../sessions/former-sessions.js";
import type { IdentityChange, IdentityChanges } from "../sessions/identity-changes.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Fault, faultOf } from "./faults.js";
import { type Channel, type OpenedContent, type Said, said } from "./fitting.js";

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
  /** Whether what others say may be shown. */
  readonly checking: Pick<Checking, "direct">;
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
  /** Its frank does not pass: as what is unfit, and it answers what did not open before. */
  | (Decrypted & {
      readonly kind: "unshown";
      readonly reason: FrankRefusal;
      readonly resendOf: Uint8Array | undefined;
      readonly fault: Fault;
    })
  /** `lost`: its sender's identity is given up, so that nobody can send it again. */
  | {
      readonly kind: "undecryptable";
      readonly sender: Address;
      readonly reason: EngineRefusalReason | typeof LOST;
      /** The group its sender says it is said in, where it came under a sender key. */
      readonly group?: ConversationId | undefined;
    }
  | { readonly kind: "rejected"; readonly reason: EngineRefusalReason };

/** An envelope as the relay delivered it. */
export type Delivered = Pick<Frame<"deliver">, "body" | "acceptedMs" | "commitment" | "stamp">;

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
  delivered: Delivered,
  handle: (opened: Opened) => Promise<T>,
): Promise<T> {
  const { store, account, peers, engine, locks } = parts;
  const records = new CollectedRecords(store, account, peers);
  let unsealed: Unsealed;
  try {
    unsealed = await engine.unseal(records, delivered.body, parts.roots(), parts.nowMs());
  } catch (error) {
    return handle({ kind: "rejected", reason: refusal(error) });
  }
  return locks.run(unsealed.sender.account, async () => handle(await decrypt(parts, records, unsealed, delivered)));
}

async function decrypt(
  parts: OpeningParts,
  records: CollectedRecords,
  unsealed: Unsealed,
  delivered: Delivered,
): Promise<Opened> {
  const { account, peers, identityChanges, former } = parts;
  const { acceptedMs } = delivered;
  const { sender, senderIdentity, role } = unsealed;
  // Devices of this account share its identity: whoever says to be one with another key is none.
  // So does one that was removed, for as long as its certificate lives: only devices of the relay's list are heard.
  if (sender.account === account.id) {
    const isOwn =
      equalBytes(senderIdentity, account.identity.publicKey) && parts.isOwnDevice(sender.device, acceptedMs);
    if (!isOwn) return { kind: "rejected", reason: "untrustedIdentity" };
  }
  const before = await peers.get(sender.account);
  if (unsealed.kind === "senderKey") return underSenderKey(parts, records, { unsealed, before, delivered });
  const left = formerIdentity(before, senderIdentity);
  if (left !== undefined) {
    if (acceptedMs > left.untilMs) return { kind: "rejected", reason: "untrustedIdentity" };
    return ofFormerIdentity(parts, records, unsealed, { before, delivered });
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
  return read(parts, decrypted, { plaintext, delivered, channel: SESSION });
}

const SESSION: Channel = { kind: "session" };

/**
 * What was said to a group. The key came through a session, so the certificate must show the identity of that session: one
 * that this device has not met there yet is asked to send again, in a session.
 */
async function underSenderKey(
  parts: OpeningParts,
  records: CollectedRecords,
  {
    unsealed,
    before,
    delivered,
  }: { readonly unsealed: Unsealed; readonly before: Row<"peer">; readonly delivered: Delivered },
): Promise<Opened> {
  const { account, engine, senderKeys } = parts;
  const { acceptedMs } = delivered;
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
    return read(parts, decrypted, { plaintext, delivered, channel: { kind: "senderKey", group: bound } });
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
  { before: peer, delivered }: { readonly before: Row<"peer">; readonly delivered: Delivered },
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
    return read(parts, decrypted, { plaintext, delivered, channel: SESSION });
  } catch (error) {
    const outcome = failed(sender, error);
    return outcome.kind === "undecryptable" ? { ...outcome, reason: LOST } : outcome;
  }
}

/** What an envelope holds, and how it came. */
interface Inside {
  readonly plaintext: Uint8Array;
  readonly delivered: Delivered;
  readonly channel: Channel;
}

function read(parts: OpeningParts, decrypted: Decrypted, { plaintext, delivered, channel }: Inside): Opened {
  const { sender } = decrypted;
  let payload: Payload;
  let fitting: Said<OpenedContent> | undefined;
  try {
    payload = decodePayload(plaintext);
    fitting = said(payload, sender, parts.account.id, channel);
  } catch {
    return { kind: "unfit", ...decrypted, reason: "malformedContent" };
  }
  if (fitting === undefined) return { kind: "unfit", ...decrypted, reason: "wrongSender" };
  if (fitting.from !== "peer") return { kind: "payload", ...decrypted, said: fitting };
  if (fitting.type === "contact" || fitting.type === "word") return { kind: "payload", ...decrypted, said: fitting };
  const { commitment, stamp, acceptedMs } = delivered;
  const { frank, resendOf } = fitting.payload;
  const judged = parts.checking.direct(fitting.opened, { speaker: sender, frank, commitment, stamp, acceptedMs });
  if (judged.kind === "refused") {
    const { reason } = judged;
    return { kind: "unshown", ...decrypted, reason, resendOf, fault: faultOf(reason, fitting.payload, delivered) };
  }
  return { kind: "payload", ...decrypted, said: withGenuine(fitting, judged) };
}

function withGenuine(
  said: Extract<Said<OpenedContent>, { readonly type: "content" | "invitation"; readonly from: "peer" }>,
  opened: Genuine,
): Said {
  return said.type === "content" ? { ...said, opened } : { ...said, opened };
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
