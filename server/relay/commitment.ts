/**
 * Commitments: what a stored send is known by to the desk. Each is kept once, as the last bytes of what is stored: behind the
 * ciphertext of an envelope, or behind the end that the envelopes of a group's message share. The store knows nothing of them.
 */

import { COMMITMENT_BYTES, type Frame } from "@sotto/protocol";

/** The commitment of a send: there of what is stored, and of nothing else. */
export type CommittedStorage =
  | { readonly storage: "stored"; readonly commitment: Uint8Array }
  | { readonly storage: "ephemeral"; readonly commitment?: undefined };

/** Whether a send says what it must of its commitment. */
export function isCommitted<F extends Pick<Frame<"send">, "storage" | "commitment">>(
  frame: F,
): frame is F & CommittedStorage {
  return (frame.storage === "stored") === (frame.commitment !== undefined);
}

/** Bytes with their commitment behind them. */
export function withCommitment(bytes: Uint8Array, commitment: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + COMMITMENT_BYTES);
  whole.set(bytes);
  whole.set(commitment, bytes.length);
  return whole;
}

/** A stored body, taken apart again; views of it. */
export function splitCommitment(stored: Uint8Array): { readonly body: Uint8Array; readonly commitment: Uint8Array } {
  const end = stored.length - COMMITMENT_BYTES;
  return { body: stored.subarray(0, end), commitment: stored.subarray(end) };
}
