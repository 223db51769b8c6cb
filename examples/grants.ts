/**
 * First contact on the host's word: the community lets people write first only on grounds it knows, such as mutual
 * follows. The relay checks the signature, not the reason (SOTTO_FIRST_CONTACT_FLOOR=grant, SOTTO_TOKEN_KEY).
 */

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createClient, levelStore, SottoError } from "@sotto/sdk/node";
import { importPKCS8, SignJWT } from "jose";

const {
  RELAY = "https://dm.example.com",
  RELAY_ROOT = "sha256:…",
  REALM = "sha256:…",
  HOST_KEY = "./host-key.pem",
} = process.env;
const mutualFollows = new Set(["erin frank"]);

/** On your backend: signs what only you know, for the two it is about. A `jti` makes it good for one first contact. */
async function grantFor(from: string, to: string): Promise<string | undefined> {
  if (!mutualFollows.has(`${from} ${to}`)) return undefined;
  return new SignJWT({ from, to, basis: "mutual_follow" })
    .setProtectedHeader({ alg: "EdDSA", typ: "sotto-grant+jwt" })
    .setIssuer("https://community.example")
    .setAudience("sotto")
    .setJti(randomUUID())
    .setExpirationTime("10m")
    .sign(await importPKCS8(await readFile(HOST_KEY, "utf8"), "EdDSA"));
}

/** On your backend as well: see examples/host-tokens.ts. */
async function tokenFor(userId: string): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuer("https://community.example")
    .setAudience("sotto")
    .setSubject(userId)
    .setExpirationTime("2m")
    .sign(await importPKCS8(await readFile(HOST_KEY, "utf8"), "EdDSA"));
}

/** In your app: `grant` is called before a first contact. */
function open(userId: string) {
  return createClient({
    relay: RELAY,
    relayRoot: RELAY_ROOT,
    realm: REALM,
    userId,
    auth: () => tokenFor(userId),
    grant: ({ to }) => grantFor(userId, to.userId ?? ""),
    store: levelStore(`./demo/${userId}`),
  });
}

const [erin, frank, grace] = await Promise.all([open("erin"), open("frank"), open("grace")]);
await (await erin.openDM({ userId: "frank" })).send({ text: "We follow each other" }).accepted;
console.log("erin could write to frank");
try {
  await grace.openDM({ userId: "frank" });
} catch (error) {
  if (error instanceof SottoError) console.log(`grace could not: ${error.code}`);
}
await Promise.all([erin.close(), frank.close(), grace.close()]);
