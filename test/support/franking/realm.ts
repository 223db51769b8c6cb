/**
 * A realm in miniature, of fixed secrets: an issuer that gives tokens out, devices that frank, a relay that stamps, recipients that
 * check, and a desk that inspects. All of it is the protocol's own functions; no process, no clock, no chance.
 */

import { createHash } from "node:crypto";
import {
  type AccountId,
  type Audience,
  accountIdFromBytes,
  accountIdToBytes,
  accountTag,
  type Checked,
  type Content,
  checkFrank,
  committedForm,
  directConversationId,
  EPOCH_MS,
  type Evidence,
  encodeContent,
  epochOf,
  type FrankCheck,
  type FrankSpeaker,
  type HeadKeys,
  makeFrank,
  parseDeviceId,
  parseMessageId,
  type Realm,
  realmOf,
  stamp,
  type Token,
  toHex,
  tokenHash,
  tokenText,
} from "@sotto/protocol";
import { clientVerify, deskVerify, isSoundKey, type Signer, signerOf } from "./signatures.js";

/** Noon of a day, by the relay. */
export const NOW_MS = Date.UTC(2027, 0, 15, 12);
/** The epoch of that day. */
export const EPOCH = epochOf(NOW_MS);

/** 32 bytes that look random and are the same every time. */
export function secretOf(name: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(name).digest());
}

/** The account of a name. */
export function accountOf(name: string): AccountId {
  return accountIdFromBytes(secretOf(`account ${name}`).subarray(0, 16));
}

/** A device with a token. */
export interface Device extends FrankSpeaker {
  readonly token: Token;
  readonly key: Signer;
}

/** What left a device, and what the relay says of it. */
export interface Sent {
  readonly from: FrankSpeaker;
  readonly audience: Audience;
  readonly content: Content;
  readonly committed: Uint8Array;
  readonly frank: Uint8Array;
  readonly commitment: Uint8Array;
  readonly acceptedMs: number;
}

/** A realm. Two of different names share nothing. */
export class SmallRealm {
  readonly root: Signer;
  readonly realm: Realm;
  #said = 0;

  constructor(readonly name = "realm") {
    this.root = signerOf(secretOf(`${name} root`));
    this.realm = realmOf(this.root.publicKey);
  }

  issuer(epoch = EPOCH): Signer {
    return signerOf(secretOf(`${this.name} issuer ${epoch}`));
  }

  accountKey(epoch = EPOCH): Uint8Array {
    return secretOf(`${this.name} account key ${epoch}`);
  }

  stampKey(epoch = EPOCH): Uint8Array {
    return secretOf(`${this.name} stamp key ${epoch}`);
  }

  /** What the issuer answers for a key, without asking whether the key is sound. */
  issue(speaker: FrankSpeaker, publicKey: Uint8Array, epoch = EPOCH): Token {
    const terms = { epoch, publicKey };
    const tag = accountTag(this.accountKey(epoch), this.realm, speaker, terms);
    return { ...terms, accountTag: tag, signature: this.signToken(speaker, { ...terms, accountTag: tag }) };
  }

  /** The issuer's signature over whatever it is given: what a thief of its key makes. */
  signToken(speaker: FrankSpeaker, { epoch, publicKey, accountTag: tag }: Omit<Token, "signature">): Uint8Array {
    return this.issuer(epoch).sign(tokenText(this.realm, speaker, tokenHash(this.realm, { epoch, publicKey }, tag)));
  }

  device(
    name: string,
    which: { readonly device?: number; readonly epoch?: number; readonly key?: string } = {},
  ): Device {
    const { device = 1, epoch = EPOCH } = which;
    const { key = `${name} token ${device} ${epoch}` } = which;
    const speaker = { account: accountOf(name), device: parseDeviceId(device) };
    const signer = signerOf(secretOf(key));
    return { ...speaker, key: signer, token: this.issue(speaker, signer.publicKey, epoch) };
  }

  /** A content of this device, in the DM with somebody. */
  text(from: FrankSpeaker, to: AccountId, text: string): Content & { readonly kind: "text" } {
    this.#said += 1;
    return {
      sender: from.account,
      device: from.device,
      conversation: directConversationId(from.account, to),
      messageId: parseMessageId(toHex(secretOf(`message ${this.#said}`).subarray(0, 16))),
      counter: this.#said,
      sentAtMs: NOW_MS - 50,
      seen: [],
      kind: "text",
      text,
    };
  }

  /** Franks a content and has the relay take it. */
  send(
    from: Device,
    to: AccountId | Audience,
    content: Content,
    changed: { readonly secret?: Uint8Array; readonly acceptedMs?: number; readonly committed?: Uint8Array } = {},
  ): Sent {
    const audience: Audience = typeof to === "string" ? { kind: "account", account: to } : to;
    const { acceptedMs = NOW_MS, committed = committedForm(encodeContent(content)) } = changed;
    const { secret = secretOf(`secret ${content.messageId} ${content.counter}`) } = changed;
    const { realm } = this;
    const { token, key } = from;
    const made = makeFrank({ realm, speaker: from, token, secret, committed, audience, sign: key.sign });
    return { from, audience, content, committed, acceptedMs, ...made };
  }

  /** The relay's stamp of the day for an account, or another 16 bytes. */
  stampFor(
    to: AccountId | Uint8Array,
    { commitment, acceptedMs }: Pick<Sent, "commitment" | "acceptedMs">,
  ): Uint8Array {
    const recipient = typeof to === "string" ? accountIdToBytes(to) : to;
    return stamp(this.stampKey(epochOf(acceptedMs)), this.realm, { commitment, recipient, acceptedMs });
  }

  /** The check of a recipient, with what somebody changed. */
  check(sent: Sent, me: AccountId, changed: Partial<FrankCheck> = {}): Checked {
    const { realm } = this;
    const { from: speaker, audience, committed, frank, commitment, acceptedMs } = sent;
    return checkFrank({
      ...{ realm, speaker, me, audience, committed, frank, commitment, acceptedMs },
      stamp: this.stampFor(me, sent),
      nowMs: NOW_MS,
      epochKey: (epoch) => (Math.abs(epoch - EPOCH) <= 40 ? this.issuer(epoch).publicKey : undefined),
      minVersion: 1,
      isRevoked: () => false,
      verify: clientVerify,
      ...changed,
    });
  }

  /** What the triage worker knows. */
  headKeys(changed: Partial<HeadKeys> = {}): HeadKeys {
    return {
      realm: this.realm,
      accountKey: (epoch) => this.accountKey(epoch),
      stampKey: (epoch) => this.stampKey(epoch),
      revokedAfterMs: () => undefined,
      isSoundKey,
      verify: deskVerify,
      nowMs: NOW_MS,
      ...changed,
    };
  }
}

/** The evidence of a message that passed; anything else fails the test. */
export function evidenceOf(checked: Checked): Evidence {
  if (checked.kind !== "genuine") throw new Error(`refused: ${checked.reason}`);
  return checked.evidence;
}

/** The reason of a refusal, or `genuine`. */
export function reasonOf(checked: Checked): string {
  return checked.kind === "genuine" ? "genuine" : checked.reason;
}

/** One day. */
export const DAY_MS = EPOCH_MS;

/** Whether bytes lie somewhere within others. */
export function holds(whole: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(whole).includes(Buffer.from(part));
}
