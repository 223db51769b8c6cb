/** What franking adds to the bytes of a DM, really encoded. */

import { encodeContent, encodeFrame, encodePayload, type FrameToClient, toHex } from "@sotto/protocol";
import { accountOf, SmallRealm, secretOf } from "../../test/support/franking/realm.js";
import type { Metrics } from "../compare.js";

/** Bytes of a DM of forty characters, with its frank, commitment and stamp, or without. */
export function bytesOfDm(kind: "franked" | "bare"): Metrics {
  const small = new SmallRealm();
  const sender = small.device("S");
  const me = accountOf("A");
  const content = small.text(sender, me, "See you at eight, at the usual place.   ");
  const sent = small.send(sender, me, content);
  const encoded = encodeContent(content);
  const frank = kind === "franked" ? sent.frank : undefined;
  const payload = encodePayload({ type: "content", content: encoded, profileKey: secretOf("profile"), frank });
  const unpadded = payload.findLastIndex((byte) => byte !== 0);
  const beside = kind === "franked" ? { commitment: sent.commitment, stamp: small.stampFor(me, sent) } : {};
  // The body stays the same here: what the frank adds inside it is counted as payload.
  const deliver: FrameToClient = {
    type: "deliver",
    cursor: 1_000,
    messageId: secretOf(toHex(secretOf("id"))).subarray(0, 16),
    acceptedMs: sent.acceptedMs,
    body: new Uint8Array(512),
    ...beside,
  };
  const frame = encodeFrame(deliver).length;
  return {
    bytes: unpadded + frame - 512,
    payloadBytes: unpadded,
    frameBytes: frame - 512,
    paddedBytes: payload.length,
  };
}
