import { expect, test } from "vitest";
import { decodeSenderKey, encodeSenderKey } from "../../../sdk/engine/libsignal/sender-key-record.js";

test.each([0, 1, 0xffff_ffff])("a sender key that opens from iteration %i on is read as it was stored", (since) => {
  const state = Uint8Array.of(9, 8, 7);
  const encoded = encodeSenderKey({ since, state });
  // As a part of something larger, as stores hand it out.
  const stored = Uint8Array.of(1, 2, ...encoded, 3).subarray(2, -1);
  expect(decodeSenderKey(stored)).toEqual({ since, state });
});

test.each([0, 3, 4])("%i bytes are no sender key, and no bad message either", (size) => {
  expect(() => decodeSenderKey(new Uint8Array(size))).toThrow(expect.objectContaining({ code: "storeCorrupt" }));
});
