import { createHash, hkdfSync } from "node:crypto";
import {
  accountIdFromBytes,
  challengedTranscript,
  decodeJoin,
  decodeLinkRecord,
  decodeLinkUri,
  encodeJoin,
  encodeLinkRecord,
  encodeLinkUri,
  type LinkOffer,
  type LinkRecord,
  labelled,
  limits,
  linkCode,
  linkStepKey,
  linkTranscript,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "./refusal.js";

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const offer: LinkOffer = {
  relay: "https://dm.example.com",
  root: filled(32, 1),
  link: filled(16, 2),
  key: Uint8Array.of(5, ...filled(32, 3)),
  secret: filled(32, 4),
};
const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const offers = fc.record({
  relay: fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  root: bytes(32),
  link: bytes(16),
  key: bytes(32).map((key) => Uint8Array.of(5, ...key)),
  secret: bytes(32),
});

describe("a link's URI", () => {
  test("says what it was made of, in either case and with blanks around it", () => {
    fc.assert(
      fc.property(offers, (made) => {
        const uri = encodeLinkUri(made);
        expect(decodeLinkUri(uri)).toEqual(made);
        expect(decodeLinkUri(`\n ${uri.toUpperCase()} `)).toEqual(made);
      }),
    );
  });

  test("is lower case, of one version, and short enough for a QR code", () => {
    const uri = encodeLinkUri(offer);
    expect(uri).toMatch(/^sotto:link\/1\/[0-9a-f]+$/);
    // 468 alphanumeric characters are a code of 61 modules a side at correction level M (ISO/IEC 18004, version 11).
    expect(uri.length).toBeLessThanOrEqual(468);
    expect(uri.toUpperCase()).toMatch(/^[0-9A-Z $%*+\-./:]+$/);
  });

  test("that is cut, damaged, too long or something else is refused as no link", () => {
    const uri = encodeLinkUri(offer);
    const wrongKey = encodeLinkUri({ ...offer, key: filled(33, 9) });
    const wrong = ["", "sotto:link/1/", "sotto:link/1/zz", "https://example.com", `${uri}00`, `${uri}0`, wrongKey];
    const cut = Array.from({ length: uri.length - 1 }, (_, length) => uri.slice(0, length));
    const spaced = `${uri.slice(0, 40)} ${uri.slice(40)}`;
    for (const text of [...wrong, ...cut, spaced, `sotto:link/1/${"00".repeat(5_000)}`]) {
      expect(
        refusal(() => decodeLinkUri(text)),
        text.slice(0, 40),
      ).toBe("invalidArgument");
    }
    expect(refusal(() => decodeLinkUri(undefined as unknown as string))).toBe("invalidArgument");
  });

  test("of another version is told apart", () => {
    expect(refusal(() => decodeLinkUri(encodeLinkUri(offer).replace("/1/", "/2/")))).toBe("unsupportedVersion");
  });

  test("of anything at all is either read or refused, never more", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 200 })), (noise) => {
        const uri = typeof noise === "string" ? noise : `sotto:link/1/${Buffer.from(noise).toString("hex")}`;
        expect(["invalidArgument", "unsupportedVersion", undefined]).toContain(refusal(() => decodeLinkUri(uri)));
      }),
    );
  });

  test("cannot be made of fields out of bounds", () => {
    expect(refusal(() => encodeLinkUri({ ...offer, secret: filled(31, 1) }))).toBe("invalidArgument");
    expect(refusal(() => encodeLinkUri({ ...offer, relay: "x".repeat(513) }))).toBe("invalidArgument");
  });
});

describe("the keys of a link", () => {
  const joinedKey = Uint8Array.of(5, ...filled(32, 6));
  const secrets = { shared: filled(32, 7), secret: offer.secret, transcript: linkTranscript(offer, joinedKey) };

  test("are HKDF over the agreement and the secret, salted with who meets whom", () => {
    const transcript = createHash("sha256")
      .update(labelled("sotto/link/1", offer.root, offer.link, offer.key, joinedKey))
      .digest();
    const input = Buffer.concat([secrets.shared, secrets.secret]);
    const expected = hkdfSync("sha256", input, transcript, "sotto/link-step/1/join", 32);
    expect(Buffer.from(linkStepKey(secrets, "join"))).toEqual(Buffer.from(expected));
  });

  test("differ by step, agreement, secret, and every field of the offer but the address", () => {
    const of = (over: Partial<typeof secrets>, fields: Partial<LinkOffer> = {}, key = joinedKey) =>
      Buffer.from(
        linkStepKey({ ...secrets, transcript: linkTranscript({ ...offer, ...fields }, key), ...over }, "join"),
      ).toString("hex");
    const all = [
      of({}),
      of({ shared: filled(32, 8) }),
      of({ secret: filled(32, 8) }),
      of({}, { root: filled(32, 8) }),
      of({}, { link: filled(16, 8) }),
      of({}, { key: Uint8Array.of(5, ...filled(32, 8)) }),
      of({}, {}, Uint8Array.of(5, ...filled(32, 8))),
      Buffer.from(linkStepKey(secrets, "approve")).toString("hex"),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(of({}, { relay: "http://localhost:1" })).toBe(of({}));
  });

  test("yield six digits that depend on the join and the challenge", () => {
    const codeWith = (join: number, challenge: number) =>
      linkCode({
        ...secrets,
        transcript: challengedTranscript(secrets.transcript, {
          join: filled(9, join),
          challenge: filled(32, challenge),
        }),
      });
    expect(codeWith(1, 1)).toMatch(/^\d{6}$/);
    expect(codeWith(1, 1)).toBe(codeWith(1, 1));
    const codes = Array.from({ length: 200 }, (_, index) => codeWith(index, 1));
    const others = Array.from({ length: 200 }, (_, index) => codeWith(1, index));
    expect(new Set([...codes, ...others]).size).toBeGreaterThan(390);
  });
});

describe("what is sealed in a link", () => {
  const provision: LinkRecord<"provision"> = {
    account: accountIdFromBytes(filled(16, 1)),
    userId: "alice",
    identityPublic: filled(33, 5),
    identityPrivate: filled(32, 6),
    profileKey: filled(32, 7),
    profileKeyVersion: 3,
    nameVersion: 0,
    policy: "everyone",
    policyVersion: 0,
  };

  test("comes back as it was, from a body whose length names nobody", () => {
    expect(decodeLinkRecord("provision", encodeLinkRecord("provision", provision))).toEqual(provision);
    expect(decodeLinkRecord("approve", encodeLinkRecord("approve", { answer: "no" }))).toEqual({ answer: "no" });
    const joins = ["", "a", "a device with quite a long name of its own, up to the limit"].map((name) =>
      encodeLinkRecord("join", { name: name === "" ? undefined : name, registrationId: 7 }),
    );
    expect(new Set(joins.map(({ length }) => length))).toEqual(new Set([512]));
  });

  test("fits a step at its largest", () => {
    const largest = {
      ...provision,
      userId: "x".repeat(limits.userIdBytes.value),
      name: "x".repeat(limits.profileNameBytes.value),
    };
    expect(encodeLinkRecord("provision", largest).length + 16).toBeLessThanOrEqual(limits.linkBodyBytes.value);
  });

  test("is refused if it was cut, damaged or of another step", () => {
    const padded = encodeLinkRecord("challenge", { challenge: filled(32, 1) });
    expect(refusal(() => decodeLinkRecord("approve", padded))).toBe("linkInvalid");
    expect(refusal(() => decodeLinkRecord("challenge", filled(512, 0)))).toBe("linkInvalid");
    expect(refusal(() => decodeLinkRecord("challenge", padded.subarray(0, 20)))).toBe("linkInvalid");
    expect(refusal(() => decodeLinkRecord("challenge", new Uint8Array(0)))).toBe("linkInvalid");
  });

  test("travels in a join beside the new device's key", () => {
    const join = { key: filled(33, 5), sealed: filled(528, 1) };
    expect(decodeJoin(encodeJoin(join))).toEqual(join);
    expect(refusal(() => decodeJoin(filled(40, 1)))).toBe("linkInvalid");
    expect(refusal(() => decodeJoin(new Uint8Array(0)))).toBe("linkInvalid");
  });
});
