import { ed25519 } from "@noble/curves/ed25519.js";
import { sealKeysOf } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../server/desk/base64.js";
import { KeyFileError, openKeyFile, readKeyFile, sealKeyFile } from "../../server/desk/key-file.js";
import { loginText, personKeyOf, signLogin, unwrapSecret, wrapSecret } from "../../server/desk/person-key.js";
import { secretOf } from "../support/franking/realm.js";

const secret = secretOf("person");
const owner = { name: "Mira", moderator: "ab".repeat(16), realm: "cd".repeat(16) };
/** The cheapest that a file may ask for. */
const cost = { log2N: 14, r: 8, p: 1 };
const made = () =>
  sealKeyFile(secret, owner, "long enough words", {
    salt: secretOf("salt").subarray(0, 16),
    nonce: secretOf("nonce").subarray(0, 12),
    cost,
  });

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (error instanceof KeyFileError) return error.code;
    throw error;
  }
}

describe("a person's key", () => {
  test("signs a challenge, and its box opens what was sealed to it", () => {
    const { signKey, box } = personKeyOf(secret);
    const challenge = secretOf("challenge");
    const signature = signLogin(secret, challenge);
    expect(ed25519.verify(signature, loginText(challenge), signKey)).toBe(true);
    expect(ed25519.verify(signature, challenge, signKey)).toBe(false);
    expect(sealKeysOf(box.secretKey).publicKey).toEqual(box.publicKey);
  });

  test("comes out of its wrapping with the same passkey only", () => {
    const wrapped = wrapSecret(secret, secretOf("prf"), secretOf("nonce").subarray(0, 12));
    expect(unwrapSecret(wrapped, secretOf("prf"))).toEqual(secret);
    expect(unwrapSecret(wrapped, secretOf("another"))).toBeUndefined();
    expect(unwrapSecret(wrapped.subarray(1), secretOf("prf"))).toBeUndefined();
  });
});

describe("a key file", () => {
  test("opens with its passphrase, however the keyboard spells it", async () => {
    const salt = secretOf("salt").subarray(0, 16);
    const nonce = secretOf("nonce").subarray(0, 12);
    const text = await sealKeyFile(secret, owner, "caf\u00e9 au lait", { salt, nonce, cost });
    const file = readKeyFile(text);
    expect(file).toMatchObject(owner);
    expect(await openKeyFile(file, "cafe\u0301 au lait")).toEqual(secret);
  });

  test("says wrongPassphrase for another one, and holds no secret in the clear", async () => {
    const text = await made();
    expect(await codeOf(() => openKeyFile(readKeyFile(text), "long enough word"))).toBe("wrongPassphrase");
    expect(text).not.toContain(toBase64(secret));
  });

  test("does not open once anything it says of itself was changed", async () => {
    const file = readKeyFile(await made());
    for (const changed of [{ name: "Nora" }, { moderator: "ac" }, { realm: "ce" }, { cost: { ...cost, p: 2 } }]) {
      expect(await codeOf(() => openKeyFile({ ...file, ...changed }, "long enough words"))).toBe("wrongPassphrase");
    }
  });

  test("is refused before any work if it asks for too much of it, or too little", async () => {
    const text = await made();
    const asking = (part: string) => text.replace(/"scrypt": \{[^}]*\}/, `"scrypt": {${part}}`);
    expect(await codeOf(() => readKeyFile(asking('"log2N":30,"r":8,"p":1')))).toBe("tooDear");
    expect(await codeOf(() => readKeyFile(asking('"log2N":17,"r":1024,"p":1')))).toBe("tooDear");
    expect(await codeOf(() => readKeyFile(asking('"log2N":17,"r":8,"p":1000')))).toBe("tooDear");
    expect(await codeOf(() => readKeyFile(asking('"log2N":4,"r":8,"p":1')))).toBe("tooDear");
    expect(await codeOf(() => readKeyFile(asking('"log2N":"17","r":8,"p":1')))).toBe("notAKeyFile");
  });

  test("is refused whatever else is in it, and never throws anything but its own error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        expect(await codeOf(() => readKeyFile(text))).toBe("notAKeyFile");
      }),
    );
    expect(await codeOf(() => readKeyFile(" ".repeat(9_000)))).toBe("notAKeyFile");
  });
});

test("base64 has one spelling", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(toBase64(bytes))).toEqual(new Uint8Array(bytes));
    }),
  );
  for (const text of ["AA", "AB==", "A A=", "AAA_", "AA==\n"]) expect(fromBase64(text)).toBeUndefined();
});
