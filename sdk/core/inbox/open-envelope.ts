/**
 * The only function that opens an envelope. It validates the sender certificate, decrypts under the sender's lock, and
 * checks that what it says fits the channel it came through (fitting.ts). Nothing is shown that did not pass here.
 */

import { decodePayload } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import { type Address, type Engine, EngineRefusal, type EngineRefusalReason, type Unsealed } from "../ports.js";
import { sameBytes } from "../same-bytes.js";
import { CollectedRecords } from "../sessions/engine-records.js";
import type { IdentityChange, IdentityChanges } from "../sessions/identity-changes.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Said, said } from "./fitting.js";

/** What opening works with. */
export interface OpeningParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Engine;
  readonly locks: KeyedLock;
  readonly identityChanges: IdentityChanges;
  /** Decrypts with the session in use, or with one of a former state; collects the changes. */
  decrypt(records: CollectedRecords, unsealed: Unsealed): Promise<Uint8Array>;
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
  | { readonly kind: "undecryptable"; readonly sender: Address; readonly reason: EngineRefusalReason }
  | { readonly kind: "rejected"; readonly reason: EngineRefusalReason };

/** What every envelope that decrypted has, whatever it says. */
export interface Decrypted {
  readonly sender: Address;
  readonly senderIdentity: Uint8Array;
  readonly records: CollectedRecords;
  readonly identityChange: IdentityChange | undefined;
}

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
  const { account, peers, identityChanges } = parts;
  const { sender, senderIdentity } = unsealed;
  // Devices of this account share its identity: whoever says to be one with another key is none.
  if (sender.account === account.id && !sameBytes(senderIdentity, account.identity.publicKey)) {
    return { kind: "rejected", reason: "untrustedIdentity" };
  }
  let identityChange: IdentityChange | undefined;
  let plaintext: Uint8Array;
  try {
    plaintext = await parts.decrypt(records, unsealed);
  } catch (error) {
    if (refusal(error) !== "untrustedIdentity") return failed(sender, error);
    records.replaceIdentity(sender.account, senderIdentity);
    try {
      plaintext = await parts.decrypt(records, unsealed);
    } catch (again) {
      return failed(sender, again);
    }
    identityChange = await identityChanges.replace(await peers.get(sender.account), senderIdentity);
  }
  const decrypted: Decrypted = { sender, senderIdentity, records, identityChange };
  try {
    const fitting = said(decodePayload(plaintext), sender, account.id);
    if (fitting === undefined) return { kind: "unfit", ...decrypted, reason: "wrongSender" };
    return { kind: "payload", ...decrypted, said: fitting };
  } catch {
    return { kind: "unfit", ...decrypted, reason: "malformedContent" };
  }
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
