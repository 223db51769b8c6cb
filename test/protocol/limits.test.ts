import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AccountId,
  type DeviceId,
  decodeFrame,
  encodeFrame,
  type Limit,
  limits,
  SottoError,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";

const account = "00112233-4455-6677-8899-aabbccddeeff" as AccountId;

/** A send of the largest envelope to so many devices of each account. */
function send(...devices: readonly number[]) {
  const body = new Uint8Array(limits.ciphertextBytes.value).fill(1);
  return encodeFrame({
    type: "send",
    id: 0xffff_ffff,
    messageId: new Uint8Array(16),
    storage: "stored",
    urgency: "normal",
    purpose: "message",
    wantBundles: "yes",
    recipients: devices.map((count) => ({
      account,
      deliveryKey: new Uint8Array(16),
      grant: "g".repeat(limits.grantBytes.value),
      scope: "all",
      envelopes: Array.from({ length: count }, () => ({ device: 127 as DeviceId, registrationId: 0x3fff, body })),
    })),
  });
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith(".ts") && entry.name !== "limits.ts" ? [path] : [];
  });
}

describe("the table of limits", () => {
  test("holds positive whole numbers with a reason", () => {
    for (const [name, { value, why }] of Object.entries<Limit>(limits)) {
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
      expect(why.length, name).toBeGreaterThan(5);
    }
  });

  test("has no limit that nobody keeps", () => {
    const code = ["protocol", "sdk", "server"]
      .flatMap(sources)
      .map((path) => readFileSync(path, "utf8"))
      .join("\n");
    const unused = Object.keys(limits).filter((name) => !code.includes(`limits.${name}`));
    expect(unused).toEqual([]);
  });
});

describe("one frame", () => {
  test("holds the largest envelope for every device of a recipient and every other device of the sender", () => {
    const { value: devices } = limits.devicesPerAccount;
    const bytes = send(devices, devices - 1);
    expect(bytes.length).toBeLessThanOrEqual(limits.frameBytes.value);
    expect(decodeFrame(bytes, "toRelay").type).toBe("send");
  });

  test("is refused before it leaves when it would be larger than a socket takes", () => {
    const attempt = () => send(limits.devicesPerAccount.value, limits.devicesPerAccount.value);
    expect(attempt).toThrow(SottoError);
    expect(attempt).toThrow(expect.objectContaining({ code: "tooLarge" }));
  });

  test("holds the largest upload of prekeys", () => {
    const signed = { id: 0xff_ffff, key: new Uint8Array(33), signature: new Uint8Array(64) };
    const kyber = { ...signed, key: new Uint8Array(1569) };
    const { value: count } = limits.oneTimePrekeys;
    const bytes = encodeFrame({
      type: "publishKeys",
      id: 1,
      oneTime: "add",
      signedPrekey: signed,
      lastResortPrekey: kyber,
      oneTimePrekeys: Array.from({ length: count }, () => ({ id: 1, key: new Uint8Array(33) })),
      kyberPrekeys: Array.from({ length: count }, () => kyber),
    });
    expect(decodeFrame(bytes, "toRelay").type).toBe("publishKeys");
  });
});
