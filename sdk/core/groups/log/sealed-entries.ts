/**
 * Entries and checkpoints as the relay holds them: `u32be epoch ‖ 12-byte nonce ‖ ciphertext and tag`, under the key of the
 * epoch they were written in and bound to their place in the log. The nonce of an entry is one that its device knows again
 * (`OwnKeys.entryNonce`), and random to everybody else.
 */

import { type ConversationId, deriveGroupEntryKey, groupCheckpointContext, groupEntryContext } from "@sotto/protocol";
import type { EpochSecret, GroupCrypto } from "./group-keys.js";

const EPOCH_BYTES = 4;
/** Bytes of a nonce. */
export const NONCE_BYTES = 12;

/** A place in a log. */
export interface LogPlace {
  readonly group: ConversationId;
  readonly seq: number;
}

/** The bytes to append under a number, in the epoch of a secret. No nonce may come again with other bytes. */
export function sealEntry(
  { cipher }: Pick<GroupCrypto, "cipher">,
  { group, seq }: LogPlace,
  { secret, entry, nonce }: { readonly secret: EpochSecret; readonly entry: Uint8Array; readonly nonce: Uint8Array },
): Uint8Array {
  const context = groupEntryContext(group, seq, secret.epoch);
  return seal(cipher, { secret, nonce, plaintext: entry, context });
}

/** The nonce that sealed bytes bear; fewer bytes where they are too short to be any. */
export function sealedNonce(sealed: Uint8Array): Uint8Array {
  return sealed.subarray(EPOCH_BYTES, EPOCH_BYTES + NONCE_BYTES);
}

/** What an entry says; `undefined` if it is of another epoch than this secret's, or does not open. */
export function openEntry(
  crypto: Pick<GroupCrypto, "cipher">,
  place: LogPlace,
  { secret, sealed }: { readonly secret: EpochSecret; readonly sealed: Uint8Array },
): Uint8Array | undefined {
  return open(crypto, { secret, sealed, context: groupEntryContext(place.group, place.seq, secret.epoch) });
}

/** The bytes of a state that the checkpoint entry of this number stands for. */
export function sealCheckpoint(
  crypto: Pick<GroupCrypto, "cipher" | "random">,
  place: LogPlace,
  { secret, state }: { readonly secret: EpochSecret; readonly state: Uint8Array },
): Uint8Array {
  const context = groupCheckpointContext(place.group, place.seq, secret.epoch);
  return seal(crypto.cipher, { secret, nonce: crypto.random.bytes(NONCE_BYTES), plaintext: state, context });
}

/** The state bytes of a checkpoint; `undefined` if it is of another epoch than this secret's, or does not open. */
export function openCheckpoint(
  crypto: Pick<GroupCrypto, "cipher">,
  place: LogPlace,
  { secret, sealed }: { readonly secret: EpochSecret; readonly sealed: Uint8Array },
): Uint8Array | undefined {
  return open(crypto, { secret, sealed, context: groupCheckpointContext(place.group, place.seq, secret.epoch) });
}

/** The epoch that sealed bytes name; `undefined` if they are too short to be any. */
export function sealedEpoch(sealed: Uint8Array): number | undefined {
  if (sealed.length <= EPOCH_BYTES + NONCE_BYTES) return undefined;
  return new DataView(sealed.buffer, sealed.byteOffset).getUint32(0);
}

function seal(
  cipher: GroupCrypto["cipher"],
  what: {
    readonly secret: EpochSecret;
    readonly nonce: Uint8Array;
    readonly plaintext: Uint8Array;
    readonly context: Uint8Array;
  },
): Uint8Array {
  const { secret, nonce, plaintext, context } = what;
  const ciphertext = cipher.seal(deriveGroupEntryKey(secret.secret), nonce, plaintext, context);
  const sealed = new Uint8Array(EPOCH_BYTES + NONCE_BYTES + ciphertext.length);
  new DataView(sealed.buffer).setUint32(0, secret.epoch);
  sealed.set(nonce, EPOCH_BYTES);
  sealed.set(ciphertext, EPOCH_BYTES + NONCE_BYTES);
  return sealed;
}

function open(
  { cipher }: Pick<GroupCrypto, "cipher">,
  what: { readonly secret: EpochSecret; readonly sealed: Uint8Array; readonly context: Uint8Array },
): Uint8Array | undefined {
  const { secret, sealed, context } = what;
  if (sealedEpoch(sealed) !== secret.epoch) return undefined;
  const ciphertext = sealed.subarray(EPOCH_BYTES + NONCE_BYTES);
  return cipher.open(deriveGroupEntryKey(secret.secret), sealedNonce(sealed), ciphertext, context);
}
