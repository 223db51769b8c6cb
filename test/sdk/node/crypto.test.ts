import { randomBytes, webcrypto } from "node:crypto";
import fc from "fast-check";
import nacl from "tweetnacl";
import { describe, expect, test } from "vitest";
import { aesGcm } from "../../../sdk/node/aes-gcm.js";
import { ed25519 } from "../../../sdk/node/ed25519.js";
import { nodePlatform } from "../../../sdk/node/platform.js";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const any = fc.uint8Array({ maxLength: 300 });
const sized = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });

describe("the cipher", () => {
  test("gives the known answer (McGrew and Viega, GCM test case 16)", () => {
    const key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const nonce = hex("cafebabefacedbaddecaf888");
    const plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    const associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const sealed = aesGcm.seal(key, nonce, plaintext, associated);
    expect(Buffer.from(sealed).toString("hex")).toBe(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    );
    expect(aesGcm.open(key, nonce, sealed, associated)).toEqual(plaintext);
  });

  test("agrees with WebCrypto on any input", async () => {
    await fc.assert(
      fc.asyncProperty(sized(32), sized(12), any, any, async (key, nonce, plaintext, associated) => {
        const imported = await webcrypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
        const algorithm = { name: "AES-GCM", iv: nonce, additionalData: associated };
        const expected = new Uint8Array(await webcrypto.subtle.encrypt(algorithm, imported, plaintext));
        expect(aesGcm.seal(key, nonce, plaintext, associated)).toEqual(expected);
        expect(aesGcm.open(key, nonce, expected, associated)).toEqual(new Uint8Array(plaintext));
      }),
    );
  });

  test("opens nothing under another key, nonce or associated data, nor anything cut", () => {
    const [key, nonce, associated] = [randomBytes(32), randomBytes(12), randomBytes(5)];
    const sealed = aesGcm.seal(key, nonce, randomBytes(40), associated);
    expect(aesGcm.open(randomBytes(32), nonce, sealed, associated)).toBeUndefined();
    expect(aesGcm.open(key, randomBytes(12), sealed, associated)).toBeUndefined();
    expect(aesGcm.open(key, nonce, sealed, randomBytes(5))).toBeUndefined();
    for (const length of [0, 15, 16, 55]) {
      expect(aesGcm.open(key, nonce, sealed.slice(0, length), associated)).toBeUndefined();
    }
  });
});

describe("device keys", () => {
  test("give the known signature (RFC 8032 §7.1, test 2)", () => {
    const privateKey = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    expect(Buffer.from(ed25519.sign(privateKey, hex("72"))).toString("hex")).toBe(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
  });

  test("sign the same by a signer that was made before, by a new pair's own and by the raw key", () => {
    const { privateKey, publicKey, sign } = ed25519.generate();
    const message = hex("72");
    const signature = ed25519.sign(privateKey, message);
    expect(sign(message)).toEqual(signature);
    expect(ed25519.signer(privateKey)(message)).toEqual(signature);
    expect(ed25519.verify(publicKey, message, signature)).toBe(true);
    expect(() => ed25519.signer(privateKey.subarray(1))).toThrow("32 bytes");
  });

  test("are raw and verify with another implementation", () => {
    const { publicKey, privateKey } = ed25519.generate();
    expect(publicKey).toEqual(nacl.sign.keyPair.fromSeed(privateKey).publicKey);
    fc.assert(
      fc.property(any, (message) => {
        const signature = ed25519.sign(privateKey, message);
        expect(nacl.sign.detached.verify(message, signature, publicKey)).toBe(true);
      }),
    );
    expect(ed25519.generate().privateKey).not.toEqual(privateKey);
  });
});

describe("keys from a seed", () => {
  test("are the known ones (RFC 8032 §7.1, tests 1 to 3)", () => {
    const pairs = [
      [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      ],
      [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      ],
      [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      ],
    ] as const;
    for (const [seed, publicKey] of pairs) {
      expect(ed25519.fromSeed(hex(seed))).toEqual({ publicKey: hex(publicKey), privateKey: hex(seed) });
    }
  });

  test("are those of another implementation, and sign as theirs", () => {
    fc.assert(
      fc.property(sized(32), any, (seed, message) => {
        const { publicKey, privateKey } = ed25519.fromSeed(seed);
        const theirs = nacl.sign.keyPair.fromSeed(seed);
        expect(publicKey).toEqual(theirs.publicKey);
        expect(ed25519.sign(privateKey, message)).toEqual(nacl.sign.detached(message, theirs.secretKey));
      }),
    );
  });

  test("are not shared with the seed, and need 32 bytes", () => {
    const seed = new Uint8Array(randomBytes(32));
    const { privateKey } = ed25519.fromSeed(seed);
    const before = privateKey.slice();
    seed.fill(0);
    expect(privateKey).toEqual(before);
    for (const size of [0, 31, 33]) {
      expect(() => ed25519.fromSeed(new Uint8Array(size))).toThrow(
        expect.objectContaining({ code: "invalidArgument" }),
      );
    }
  });
});

test("random bytes are as many as asked, and not the same twice", () => {
  const { random } = nodePlatform;
  expect([0, 1, 33].map((size) => random.bytes(size).length)).toEqual([0, 1, 33]);
  expect(random.bytes(32)).not.toEqual(random.bytes(32));
});
