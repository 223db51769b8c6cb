import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { digest, labelled } from "@sotto/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mac } from "../../../protocol/frank/encoding.js";
import { hmacSha256, sha256OfText } from "../../../sdk/node/hmac.js";
import { nodePlatform } from "../../../sdk/node/platform.js";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("Node's SHA-256 is the portable one's bytes, of its own buffer, and digests are made with it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (text) => {
      const made = sha256OfText(text);
      expect(made).toEqual(sha256(text));
      expect(made.buffer.byteLength).toBe(32);
      expect(digest(text)).toEqual(made);
    }),
  );
});

test("Node's HMAC is the portable one's bytes, of its own buffer, and the platform's MACs are made with it", () => {
  expect(nodePlatform.name).toBe("node");
  fc.assert(
    fc.property(key, fc.uint8Array({ maxLength: 2_000 }), (secret, text) => {
      const made = hmacSha256(secret, text);
      expect(made).toEqual(hmac(sha256, secret, text));
      expect(made.buffer.byteLength).toBe(32);
      expect(mac(secret, "label", text)).toEqual(hmac(sha256, secret, labelled("label", text)));
    }),
  );
});
