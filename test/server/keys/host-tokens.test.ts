import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import { exportJWK, SignJWT } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { openHostStatements } from "../../../server/keys/host-statements.js";
import { createHostTokens } from "../../../server/keys/host-tokens.js";
import type { TokenKeySource } from "../../../server/keys/token-keys.js";
import { OperatorError } from "../../../server/ops/operator-error.js";
import { collectedLog } from "../ops/collected-log.js";
import { steppedClock } from "../ops/stepped-clock.js";
import { temporaryFolders } from "../ops/temporary-folder.js";

const newFolder = temporaryFolders();
const clock = steppedClock();
const seconds = () => Math.floor(clock.now() / 1_000);

const ed25519 = generateKeyPairSync("ed25519");
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();

const checks = (keys: TokenKeySource, log = collectedLog()) =>
  createHostTokens(openHostStatements({ keys, issuer: "https://host.example", audience: "relay.example", clock, log }));
const staticChecks = (key: KeyObject) => checks({ kind: "key", key: { text: pem(key) } });

interface Made {
  readonly key?: KeyObject;
  readonly alg?: string;
  readonly kid?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A good token, except for what is given. A claim of `undefined` is left out. */
function token({ key = ed25519.privateKey, alg = "EdDSA", kid, claims = {} }: Made = {}): Promise<string> {
  const good = {
    iss: "https://host.example",
    aud: "relay.example",
    sub: "alice",
    iat: seconds(),
    exp: seconds() + 120,
  };
  const header = kid === undefined ? { alg } : { alg, kid };
  return new SignJWT({ ...good, ...claims }).setProtectedHeader(header).sign(key);
}

/** The failure of a refused token; its text must not repeat the token. */
async function refusal(verify: Promise<unknown>, jwt: string): Promise<string> {
  const cause = await verify.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(cause).toBeInstanceOf(SottoError);
  if (!(cause instanceof SottoError)) return "";
  const shown = `${cause.message} ${String(cause.cause)}`;
  for (const part of jwt.split(".")) if (part.length > 8) expect(shown).not.toContain(part);
  expect(shown).not.toContain("mallory");
  return cause.code;
}

describe("a host token", () => {
  it.each([
    ["EdDSA", ed25519],
    ["ES256", p256],
    ["RS256", rsa],
    ["PS384", rsa],
  ] as const)("signed with %s speaks for its user", async (alg, { publicKey, privateKey }) => {
    const spoken = await staticChecks(publicKey).verify(await token({ key: privateKey, alg }));
    expect(spoken).toEqual({ issuer: "https://host.example", subject: "alice", role: "person" });
  });

  it("says that its user is a bot where the host signed that, and is refused with a role nobody knows", async () => {
    const { verify } = staticChecks(ed25519.publicKey);
    const of = async (role: unknown) => verify(await token({ claims: { sotto_role: role } }));
    expect(await of("bot")).toMatchObject({ role: "bot" });
    expect(await of("person")).toMatchObject({ role: "person" });
    for (const role of ["Bot", "admin", "", 1, null, ["bot"], { bot: true }]) {
      const jwt = await token({ claims: { sotto_role: role } });
      expect(await refusal(verify(jwt), jwt), JSON.stringify(role)).toBe("badToken");
    }
  });

  it("may name this relay among others, and be a little early or late", async () => {
    const { verify } = staticChecks(ed25519.publicKey);
    await verify(await token({ claims: { aud: ["other", "relay.example"] } }));
    await verify(await token({ claims: { nbf: seconds() + 20 } }));
    await verify(await token({ claims: { iat: seconds() - 200, exp: seconds() - 20 } }));
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ["has expired", { iat: -300, exp: -60 }],
    ["has no expiry", { exp: undefined }],
    ["is not valid yet", { nbf: 3_600 }],
    ["lives longer than five minutes", { exp: 600 }],
    ["was given a long life some time ago", { iat: -3_600, exp: 60 }],
    ["is of another issuer", { iss: "https://mallory.example" }],
    ["names no issuer", { iss: undefined }],
    ["is for another relay", { aud: "mallory" }],
    ["is for no relay", { aud: undefined }],
    ["names nobody", { sub: undefined }],
    ["names nobody by empty text", { sub: "" }],
    ["names somebody by too long a text", { sub: "ü".repeat(129) }],
  ])("is refused when it %s", async (_what, claims) => {
    const relative = (claim: unknown) => (typeof claim === "number" ? seconds() + claim : claim);
    const shifted = Object.fromEntries(Object.entries(claims).map(([name, claim]) => [name, relative(claim)]));
    const jwt = await token({ claims: shifted });
    expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
  });

  it("is refused when another key signed it", async () => {
    const jwt = await token({ key: generateKeyPairSync("ed25519").privateKey });
    expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
  });

  it("is refused when its subject is no text", async () => {
    const jwt = await new SignJWT({
      sub: { name: "mallory" } as never,
      iss: "https://host.example",
      aud: "relay.example",
    })
      .setExpirationTime(seconds() + 60)
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(ed25519.privateKey);
    expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
  });

  it.each(["sotto-grant+jwt", "application/sotto-grant+jwt", "SOTTO-Grant+JWT", ["sotto-grant+jwt"]])(
    "is refused when its type is that of a grant: %s",
    async (typ) => {
      const jwt = await new SignJWT({ iss: "https://host.example", aud: "relay.example", sub: "alice" })
        .setExpirationTime(seconds() + 60)
        .setProtectedHeader({ alg: "EdDSA", typ: typ as string })
        .sign(ed25519.privateKey);
      expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
    },
  );

  it("may be of any other type", async () => {
    const jwt = await new SignJWT({ iss: "https://host.example", aud: "relay.example", sub: "alice" })
      .setExpirationTime(seconds() + 60)
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
      .sign(ed25519.privateKey);
    await staticChecks(ed25519.publicKey).verify(jwt);
  });

  it("is refused without a signature, and when the public key was used as a shared secret", async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = part({ iss: "https://host.example", aud: "relay.example", sub: "mallory", exp: seconds() + 60 });
    const { verify } = staticChecks(ed25519.publicKey);
    const unsigned = `${part({ alg: "none" })}.${claims}.`;
    expect(await refusal(verify(unsigned), unsigned)).toBe("badToken");
    for (const secret of [pem(ed25519.publicKey), ed25519.publicKey.export({ format: "jwk" }).x ?? ""]) {
      const body = `${part({ alg: "HS256" })}.${claims}`;
      const forged = `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
      expect(await refusal(verify(forged), forged)).toBe("badToken");
    }
  });

  it("is refused with an algorithm that does not fit the key", async () => {
    const jwt = await token({ key: p256.privateKey, alg: "ES256" });
    expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
  });

  it.each(["", "x", "a.b.c", "..", "x".repeat(5_000)])("is refused when it is no token: %.10s", async (jwt) => {
    expect(await refusal(staticChecks(ed25519.publicKey).verify(jwt), jwt)).toBe("badToken");
  });
});

describe("a static key", () => {
  it("with a key id takes only tokens of that id or none", async () => {
    const jwk = { ...(await exportJWK(ed25519.publicKey)), kid: "one" };
    const { verify } = checks({ kind: "key", key: { text: JSON.stringify(jwk) } });
    await verify(await token({ kid: "one" }));
    await verify(await token());
    const other = await token({ kid: "two" });
    expect(await refusal(verify(other), other)).toBe("badToken");
  });

  it("may lie in a file", async () => {
    const file = join(newFolder(), "key.pem");
    writeFileSync(file, pem(p256.publicKey));
    await checks({ kind: "key", key: { file } }).verify(await token({ key: p256.privateKey, alg: "ES256" }));
  });

  it("is refused at the start if it is private, too weak, of an odd kind or missing", () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
    const odd = generateKeyPairSync("x25519").publicKey;
    const privatePem = ed25519.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    for (const text of [privatePem, pem(weak), pem(odd), "-----BEGIN PUBLIC KEY-----", "{}"]) {
      expect(() => checks({ kind: "key", key: { text } })).toThrow(OperatorError);
    }
    expect(() => checks({ kind: "key", key: { file: "/nowhere/key.pem" } })).toThrow("does not exist");
  });
});

const jwkOf = async (key: KeyObject, kid: string) => ({ ...(await exportJWK(key)), kid });

describe("a key set in a file", () => {
  it("is picked from by key id, and read again when it changes", async () => {
    const file = join(newFolder(), "jwks.json");
    const write = (...keys: readonly unknown[]) => writeFileSync(file, JSON.stringify({ keys }));
    write(await jwkOf(ed25519.publicKey, "one"));
    const { verify } = checks({ kind: "jwksFile", file });
    await verify(await token({ kid: "one" }));
    const rotated = { key: p256.privateKey, alg: "ES256", kid: "two" };
    const early = await token(rotated);
    expect(await refusal(verify(early), early)).toBe("badToken");

    write(await jwkOf(ed25519.publicKey, "one"), await jwkOf(p256.publicKey, "two"));
    clock.step(5_000);
    await verify(await token(rotated));

    write(await jwkOf(p256.publicKey, "two"));
    clock.step(5_000);
    const withdrawn = await token({ kid: "one" });
    expect(await refusal(verify(withdrawn), withdrawn)).toBe("badToken");
  });

  it("stays in force while the file is damaged or gone", async () => {
    const file = join(newFolder(), "jwks.json");
    writeFileSync(file, JSON.stringify({ keys: [await jwkOf(ed25519.publicKey, "one")] }));
    const { verify } = checks({ kind: "jwksFile", file });
    writeFileSync(file, "{");
    clock.step(5_000);
    await verify(await token({ kid: "one" }));
    rmSync(file);
    clock.step(5_000);
    await verify(await token({ kid: "one" }));
  });

  it("is refused at the start if it is no key set, empty, or holds a private key", async () => {
    const file = join(newFolder(), "jwks.json");
    const leaked = { ...(await exportJWK(ed25519.privateKey)), kid: "one" };
    for (const content of ["{", "{}", '{"keys":[]}', JSON.stringify({ keys: [leaked] })]) {
      writeFileSync(file, content);
      expect(() => checks({ kind: "jwksFile", file }), content.slice(0, 12)).toThrow(OperatorError);
    }
  });
});

describe("a key set at a URL", () => {
  const servers: Server[] = [];
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** A key server whose answer a test changes; `undefined` never answers. */
  async function keyServer(first: unknown) {
    const state = { answer: first, asked: 0 };
    const server = createServer((_request, response) => {
      state.asked += 1;
      if (state.answer === undefined) return;
      response.setHeader("content-type", "application/json");
      response.end(typeof state.answer === "string" ? state.answer : JSON.stringify(state.answer));
    });
    servers.push(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { state, server, url: `http://127.0.0.1:${port}/jwks` };
  }

  it("is fetched once and kept", async () => {
    const { state, url } = await keyServer({ keys: [await jwkOf(ed25519.publicKey, "one")] });
    const { verify } = checks({ kind: "jwksUrl", url });
    for (let round = 0; round < 5; round++) await verify(await token({ kid: "one" }));
    expect(state.asked).toBe(1);
  });

  it("is fetched again for an unknown key id, so that the host can rotate keys, but not for each such token", async () => {
    const { state, url } = await keyServer({ keys: [await jwkOf(ed25519.publicKey, "one")] });
    const eager = checks({ kind: "jwksUrl", url, timing: { cooldownMs: 0 } });
    await eager.verify(await token({ kid: "one" }));
    state.answer = { keys: [await jwkOf(p256.publicKey, "two")] };
    await eager.verify(await token({ key: p256.privateKey, alg: "ES256", kid: "two" }));
    const withdrawn = await token({ kid: "one" });
    expect(await refusal(eager.verify(withdrawn), withdrawn)).toBe("badToken");

    const patient = checks({ kind: "jwksUrl", url });
    state.asked = 0;
    for (let round = 0; round < 5; round++) {
      const jwt = await token({ kid: `unknown-${round}` });
      expect(await refusal(patient.verify(jwt), jwt)).toBe("badToken");
    }
    expect(state.asked).toBe(1);
  });

  it("that cannot be had makes the relay busy, not the token bad, and is logged once a minute", async () => {
    const { state, server, url } = await keyServer("no JSON");
    const log = collectedLog();
    const { verify } = checks({ kind: "jwksUrl", url, timing: { timeoutMs: 200 } }, log);
    const jwt = await token({ kid: "one" });
    expect(await refusal(verify(jwt), jwt)).toBe("busy");
    state.answer = undefined;
    expect(await refusal(verify(jwt), jwt)).toBe("busy");
    server.closeAllConnections();
    server.close();
    expect(await refusal(verify(jwt), jwt)).toBe("busy");
    expect(log.lines.map(({ event }) => event)).toEqual(["tokenKeysUnavailable"]);
    clock.step(60_000);
    const later = await token({ kid: "one" });
    expect(await refusal(verify(later), later)).toBe("busy");
    expect(log.lines).toHaveLength(2);
  });
});
