/**
 * The only function that opens an envelope. It validates the sender certificate, decrypts under the sender's lock, and
 * checks that the content says the same sender and conversation as the channel it came through. Nothing is shown that
 * did not pass here.
 */

import { type Content, decodeContent, decodePayload, directConversationId, type Payload } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import { type Address, type Engine, EngineRefusal, type EngineRefusalReason, type Unsealed } from "../ports.js";
import { CollectedRecords } from "../sessions/engine-records.js";
import type { IdentityChange, IdentityChanges } from "../sessions/identity-changes.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What opening works with. */
export interface OpeningParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Engine;
  readonly locks: KeyedLock;
  readonly identityChanges: IdentityChanges;
  /** The pinned roots. */
  roots(): readonly Uint8Array[];
  /** The relay's clock, which certificates are issued by. */
  nowMs(): number;
}

/** A content with the bytes it was decoded from. */
export interface OpenedContent {
  readonly content: Content;
  readonly encoded: Uint8Array;
}

/** What came of an envelope. All but `rejected` name a sender that the relay's certificate vouches for. */
export type Opened =
  | {
      readonly kind: "payload";
      readonly sender: Address;
      readonly senderIdentity: Uint8Array;
      readonly payload: Payload;
      readonly content: OpenedContent | undefined;
      readonly records: CollectedRecords;
      readonly identityChange: IdentityChange | undefined;
    }
  | { readonly kind: "duplicate"; readonly sender: Address }
  /** It decrypted, but what it says is not what its sender may say; the ratchet moves on, nothing is shown. */
  | {
      readonly kind: "unfit";
      readonly sender: Address;
      readonly senderIdentity: Uint8Array;
      readonly reason: "malformedContent" | "wrongSender";
      readonly records: CollectedRecords;
      readonly identityChange: IdentityChange | undefined;
    }
  | { readonly kind: "undecryptable"; readonly sender: Address; readonly reason: EngineRefusalReason }
  | { readonly kind: "rejected"; readonly reason: EngineRefusalReason };

/**
 * Opens an envelope and hands the outcome to `handle`, which runs under the sender's lock and commits what it decides.
 *
 * @throws what `handle` throws, and storeFailed or storeCorrupt; never for what the envelope holds.
 */
export async function openEnvelope<T>(
  parts: OpeningParts,
  sealed: Uint8Array,
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
  return locks.run(unsealed.sender.account, async () => handle(await decrypt(parts, records, unsealed)));
}

async function decrypt(parts: OpeningParts, records: CollectedRecords, unsealed: Unsealed): Promise<Opened> {
  const { engine, peers, identityChanges } = parts;
  const { sender, senderIdentity } = unsealed;
  let identityChange: IdentityChange | undefined;
  let plaintext: Uint8Array;
  try {
    plaintext = await decryptOnce(engine, records, unsealed);
  } catch (error) {
    if (refusal(error) !== "untrustedIdentity") return failed(sender, error);
    records.replaceIdentity(sender.account, senderIdentity);
    try {
      plaintext = await decryptOnce(engine, records, unsealed);
    } catch (again) {
      return failed(sender, again);
    }
    identityChange = await identityChanges.replace(await peers.get(sender.account), senderIdentity);
  }
  const shared = { sender, senderIdentity, records, identityChange };
  try {
    const payload = decodePayload(plaintext);
    // A resend without content says that what did not open was nothing to show.
    const isWordBetweenSdks =
      payload.type === "retry" ||
      payload.type === "unavailable" ||
      (payload.type === "resend" && payload.content.length === 0);
    if (isWordBetweenSdks) {
      return { kind: "payload", ...shared, payload, content: undefined };
    }
    const content = decodeContent(payload.content);
    const isFit =
      content.sender === sender.account &&
      content.device === sender.device &&
      content.conversation === directConversationId(parts.account.id, sender.account);
    if (!isFit) return { kind: "unfit", ...shared, reason: "wrongSender" };
    return { kind: "payload", ...shared, payload, content: { content, encoded: payload.content } };
  } catch {
    return { kind: "unfit", ...shared, reason: "malformedContent" };
  }
}

async function decryptOnce(engine: Engine, records: CollectedRecords, unsealed: Unsealed): Promise<Uint8Array> {
  const { plaintext, changes } = await engine.decrypt(records, unsealed);
  records.collect(changes);
  return plaintext;
}

function failed(sender: Address, error: unknown): Opened {
  const reason = refusal(error);
  return reason === "duplicate" ? { kind: "duplicate", sender } : { kind: "undecryptable", sender, reason };
}

/** The engine's reason; anything else is no verdict on the envelope and must not be mistaken for one. */
function refusal(error: unknown): EngineRefusalReason {
  if (error instanceof EngineRefusal) return error.reason;
  throw error;
}
