import fc from "fast-check";
import { expect } from "vitest";
import { EngineRefusal } from "../../../sdk/core/ports.js";
import type { Party } from "./party.js";

/** Changes tried of each message. */
export const TRIES = 400;

/** The bytes with one bit turned over. */
export const flip = (bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> => {
  const flipped = new Uint8Array(bytes);
  const at = (bit >> 3) % flipped.length;
  flipped[at] = (flipped[at] as number) ^ (1 << (bit & 7));
  return flipped;
};

/**
 * Tries many single-bit changes. A few bits are covered by no MAC (the version's lower half, unknown fields, the
 * registration id beside the ratchet message): those may open, but only as the true message of the true sender.
 */
export async function tampered(bob: Party, change: (bit: number) => Promise<Uint8Array>, bits: number) {
  const before = bob.snapshot();
  const refused = new Map<string, number>();
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(fc.noBias(fc.nat(bits - 1)), async (bit) => {
      const changed = await change(bit);
      const said = await bob.open(changed).catch((error: unknown) => error);
      if (said instanceof EngineRefusal) {
        refused.set(said.reason, (refused.get(said.reason) ?? 0) + 1);
        return;
      }
      expect(said).toMatchObject({ text: "the true message" });
      opened++;
    }),
    { numRuns: TRIES },
  );
  expect(bob.snapshot()).toEqual(before);
  return { refused, opened };
}
