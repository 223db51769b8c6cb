import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { chunkKey } from "../../../sdk/node/chunk-key.js";
import { sha256 } from "../../../sdk/node/sha256.js";

const key = new Uint8Array(randomBytes(32));
const nonce = new Uint8Array(12).fill(7);

function independent(plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

describe("a chunk key", () => {
  it.each([0, 1, 4_096, 65_536])("seals %d bytes as another library does, and opens them", async (size) => {
    const plaintext = new Uint8Array(randomBytes(size));
    const made = await chunkKey(key);
    const sealed = await made.seal(nonce, plaintext);
    expect(independent(plaintext).equals(sealed)).toBe(true);
    expect(await made.open(nonce, sealed)).toEqual(plaintext);
  });

  it("takes views of larger memory, and does not change with what the caller does afterwards", async () => {
    const around = new Uint8Array(randomBytes(300));
    const copy = Uint8Array.from(key);
    const made = await chunkKey(copy);
    copy.fill(0);
    const view = around.subarray(50, 150);
    const expected = independent(view);
    const sealing = made.seal(nonce, view);
    around.fill(0);
    expect(expected.equals(await sealing)).toBe(true);
    const shared = new Uint8Array(new SharedArrayBuffer(100));
    expect(independent(shared).equals(await made.seal(nonce, shared))).toBe(true);
  });

  it("opens nothing that was changed, cut or sealed under another nonce", async () => {
    const made = await chunkKey(key);
    const sealed = await made.seal(nonce, new Uint8Array(100));
    for (const at of [0, 50, 99, 100, 115]) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await made.open(nonce, changed)).toBeUndefined();
    }
    expect(await made.open(new Uint8Array(12), sealed)).toBeUndefined();
    expect(await made.open(nonce, sealed.subarray(0, 50))).toBeUndefined();
    expect(await made.open(nonce, new Uint8Array(3))).toBeUndefined();
  });

  it("seals many chunks at once", async () => {
    const made = await chunkKey(key);
    const chunks = Array.from({ length: 64 }, () => new Uint8Array(randomBytes(65_536)));
    const sealed = await Promise.all(chunks.map((chunk) => made.seal(nonce, chunk)));
    expect(sealed.every((one, index) => independent(chunks[index] ?? nonce).equals(one))).toBe(true);
  });
});

describe("hashing", () => {
  it("answers what came until now, goes on, and is SHA-256", () => {
    const hashing = sha256();
    hashing.update(new TextEncoder().encode("a"));
    expect(Buffer.from(hashing.soFar()).toString("hex")).toMatch(/^ca978112ca1bbdcafac231b39a23dc4d/);
    hashing.update(new TextEncoder().encode("bc"));
    // FIPS 180-4, the first example.
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(Buffer.from(hashing.soFar()).toString("hex")).toBe(abc);
    expect(Buffer.from(hashing.digest()).toString("hex")).toBe(abc);
  });
});
