import {
  accountIdFromBytes,
  accountIdToBytes,
  fromHex,
  parseAccountId,
  parseConversationId,
  parseDeviceId,
  parseMessageId,
  SottoError,
  toHex,
} from "@sotto/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";

const refused = expect.objectContaining({ code: "invalidArgument" });

test("hex digits and bytes are the same thing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
  expect(fromHex("AbCd")).toEqual(Uint8Array.of(0xab, 0xcd));
  for (const bad of ["a", "zz", "0x", " 0", "é0", "0g", "g0", "0@", "0`", "0/", "0:", "0\u0141", "🦊"])
    expect(() => fromHex(bad)).toThrow(refused);
});

test("an account id and its 16 bytes are the same thing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const account = accountIdFromBytes(bytes);
      expect(parseAccountId(account)).toBe(account);
      expect(accountIdToBytes(account)).toEqual(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      expect(accountIdFromBytes(accountIdToBytes(parseAccountId(uuid)))).toBe(uuid);
    }),
  );
});

test("ids in another form are refused", () => {
  const uuid = "00112233-4455-6677-8899-aabbccddeeff";
  expect(parseAccountId(uuid)).toBe(uuid);
  for (const bad of [uuid.toUpperCase(), `${uuid} `, uuid.replaceAll("-", ""), `{${uuid}}`, "", `${uuid}\n`]) {
    expect(() => parseAccountId(bad)).toThrow(refused);
  }
  for (const parse of [parseMessageId, parseConversationId]) {
    expect(parse("0".repeat(32))).toBe("0".repeat(32));
    for (const bad of ["A".repeat(32), "0".repeat(31), "0".repeat(33), `${"0".repeat(32)}\n`]) {
      expect(() => parse(bad)).toThrow(refused);
    }
  }
  for (const good of [1, 127]) expect(parseDeviceId(good)).toBe(good);
  for (const bad of [0, 128, 1.5, -1, Number.NaN]) expect(() => parseDeviceId(bad)).toThrow(SottoError);
});
