/**
 * Registration with the host's own login. Your backend signs a short token for the user who is logged in; the relay
 * checks it with your public key (SOTTO_TOKEN_KEY) and never sees a password.
 */

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createClient, levelStore } from "@sotto/sdk/node";
import { importPKCS8, SignJWT } from "jose";

const {
  RELAY = "https://dm.example.com",
  RELAY_ROOT = "sha256:…",
  REALM = "sha256:…",
  HOST_KEY = "./host-key.pem",
} = process.env;

/** On your backend, behind your login: who asks is who the token names. */
async function tokenFor(userId: string): Promise<string> {
  const key = await importPKCS8(await readFile(HOST_KEY, "utf8"), "EdDSA");
  return new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA" })
    .setIssuer("https://community.example")
    .setAudience("sotto")
    .setSubject(userId)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("2m")
    .sign(key);
}

/** In your app: `auth` is called when the device registers, and the token is never stored. */
const client = await createClient({
  relay: RELAY,
  relayRoot: RELAY_ROOT,
  realm: REALM,
  auth: () => tokenFor("user-4711"),
  store: levelStore("./demo/user-4711", { passphrase: "from your app's unlock screen" }),
});
console.log(`registered as account ${client.accountId}, device ${client.deviceId}`);
await client.close();
