import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { SottoError } from "@sotto/protocol";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { createHostGrants } from "../../../server/keys/grants.js";
import { openHostStatements } from "../../../server/keys/host-statements.js";
import { collectedLog } from "../ops/collected-log.js";
import { steppedClock } from "../ops/stepped-clock.js";

const ISSUER = "https://host.example";
const clock = steppedClock();
const seconds = () => Math.floor(clock.now() / 1_000);
const { publicKey, privateKey } = generateKeyPairSync("ed25519");

const grants = (bases: readonly string[] = []) => {
  const text = publicKey.export({ type: "spki", format: "pem" }).toString();
  const keys = { kind: "key", key: { text } } as const;
  const log = collectedLog();
  return createHostGrants(openHostStatements({ keys, issuer: ISSUER, audience: "relay.example", clock, log }), bases);
};

interface Made {
  readonly key?: KeyObject;
  readonly typ?: unknown;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A good grant, except for what is given. A claim of `undefined` is left out; numbers count from now. */
function grant({ key = privateKey, typ = "sotto-grant+jwt", claims = {} }: Made = {}): Promise<string> {
  const good = { iss: ISSUER, aud: "relay.example", from: "alice", to: "bob", basis: "mutual_follow", exp: 3_600 };
  const shifted = Object.entries({ ...good, ...claims }).map(([name, claim]) => [
    name,
    typeof claim === "number" ? seconds() + claim : claim,
  ]);
  const header = { alg: "EdDSA", ...(typ === undefined ? {} : { typ: typ as string }) };
  return new SignJWT(Object.fromEntries(shifted)).setProtectedHeader(header).sign(key);
}

async function refusal(made: Made, bases: readonly string[] = []): Promise<string | undefined> {
  const cause: unknown = await grants(bases)
    .verify(await grant(made))
    .catch((error: unknown) => error);
  if (!(cause instanceof SottoError)) return undefined;
  expect(cause.message).not.toContain("mallory");
  return cause.code;
}

describe("a grant", () => {
  it("says who may write to whom, why, and until when it must be remembered", async () => {
    const exp = seconds() + 3_600;
    expect(await grants().verify(await grant({ claims: { jti: "n-1" } }))).toEqual({
      from: { issuer: ISSUER, subject: "alice" },
      to: { issuer: ISSUER, subject: "bob" },
      basis: "mutual_follow",
      nonce: "n-1",
      takenUntilMs: (exp + 30) * 1_000,
    });
  });

  it("may do without a nonce, live for a day, and be of any basis unless bases are listed", async () => {
    expect((await grants().verify(await grant())).nonce).toBeUndefined();
    await grants().verify(await grant({ claims: { exp: 86_400, iat: 0 } }));
    await grants().verify(await grant({ claims: { basis: "credit" } }));
    await grants(["friend", "credit"]).verify(await grant({ claims: { basis: "credit" } }));
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ["has expired", { exp: -60 }],
    ["has no expiry", { exp: undefined }],
    ["lives longer than a day", { exp: 86_500 }],
    ["was given a long life some time ago", { iat: -86_400, exp: 600 }],
    ["is not valid yet", { nbf: 600 }],
    ["is of another issuer", { iss: "https://mallory.example" }],
    ["is for another relay", { aud: "mallory" }],
    ["names no sender", { from: undefined }],
    ["names a sender that is no text", { from: ["alice"] }],
    ["names no recipient", { to: "" }],
    ["names a recipient by too long a text", { to: "ü".repeat(129) }],
    ["names no basis", { basis: undefined }],
    ["names too long a basis", { basis: "b".repeat(65) }],
    ["has an empty nonce", { jti: "" }],
    ["has too long a nonce", { jti: "n".repeat(129) }],
  ])("is refused when it %s", async (_what, claims) => {
    expect(await refusal({ claims })).toBe("badGrant");
  });

  it("is refused on a basis that is not listed", async () => {
    expect(await refusal({ claims: { basis: "mallory" } }, ["friend"])).toBe("badGrant");
  });

  it.each(["JWT", "at+jwt", ["sotto-grant+jwt"]])("is refused when its type is %s", async (typ) => {
    expect(await refusal({ typ })).toBe("badGrant");
  });

  it("is refused when another key signed it, and when it is no JWT at all", async () => {
    expect(await refusal({ key: generateKeyPairSync("ed25519").privateKey })).toBe("badGrant");
    for (const text of ["x", "a.b.c", "..", "x".repeat(4_097)]) {
      await expect(grants().verify(text)).rejects.toMatchObject({ code: "badGrant" });
    }
  });

  it("is refused when it is a host token", async () => {
    const token = await new SignJWT({ iss: ISSUER, aud: "relay.example", sub: "alice", exp: seconds() + 60 })
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(privateKey);
    await expect(grants().verify(token)).rejects.toMatchObject({ code: "badGrant" });
  });
});
