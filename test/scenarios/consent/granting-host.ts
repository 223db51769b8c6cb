/** A host app: signs in its users, and says who may write to whom. */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { RawDevice } from "../../support/raw-client/index.js";

const ISSUER = "https://host.example";
const AUDIENCE = "relay.example";

/** What a grant may say otherwise than a good one. */
export interface GrantClaims {
  readonly nonce?: string;
  readonly basis?: string;
  readonly expiresInSeconds?: number;
}

/** One host with its signing key. */
export class GrantingHost {
  private readonly privateKey: KeyObject;
  /** The public half, as a relay's settings take it. */
  readonly publicPem: string;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.privateKey = privateKey;
    this.publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  }

  /** Settings of a relay in this process. */
  get settings() {
    return { tokenKey: { text: this.publicPem }, tokenIssuer: ISSUER, tokenAudience: AUDIENCE };
  }

  /** The same for a relay in a process of its own: names of the environment without their prefix. */
  get environment(): Readonly<Record<string, string>> {
    return {
      TOKEN_KEY: this.publicPem.trim().replaceAll("\n", "\\n"),
      TOKEN_ISSUER: ISSUER,
      TOKEN_AUDIENCE: AUDIENCE,
    };
  }

  /** Registers one of its users. */
  async user(url: string, userId: string): Promise<RawDevice> {
    return RawDevice.register(url, { token: await this.token(userId) });
  }

  /** A host token; of a program if the host says so. */
  token(userId: string, role?: "bot"): Promise<string> {
    return this.sign("JWT", { sub: userId, ...(role === undefined ? {} : { sotto_role: role }) }, 120);
  }

  /** A grant. */
  grant(from: string, to: string, claims: GrantClaims = {}): Promise<string> {
    const { nonce, basis = "mutual_follow", expiresInSeconds = 3_600 } = claims;
    return this.sign(
      "sotto-grant+jwt",
      { from, to, basis, ...(nonce === undefined ? {} : { jti: nonce }) },
      expiresInSeconds,
    );
  }

  private sign(typ: string, claims: Readonly<Record<string, string>>, lifeSeconds: number): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "EdDSA", typ })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + lifeSeconds)
      .sign(this.privateKey);
  }
}
