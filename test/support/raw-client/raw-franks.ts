/** Tokens and franks of a device without the SDK: right unless a test says otherwise, each part open to be a lie. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from "node:crypto";
import {
  type Audience,
  committedForm,
  type DeskAnswer,
  decodeContent,
  decodeDeskAnswer,
  decodeManifest,
  decodeRealm,
  deskBox,
  deskKeyOf,
  encodeAsk,
  encodeEnrolment,
  enrolmentContext,
  enrolmentText,
  epochOf,
  type FrameToClient,
  type Franked,
  type Franking,
  type FrankSpeaker,
  groupRoster,
  type Manifest,
  makeFrank,
  type Realm,
  realmOf,
  seal,
  TOKENS_PER_BATCH,
  type Token,
  type Verify,
} from "@sotto/protocol";
import type { Asking } from "./frame-socket.js";

/** A device that can ask the relay, as far as tokens need it. */
export interface TokenHolder {
  readonly speaker: FrankSpeaker;
  readonly identityKey: Uint8Array;
  readonly identityPrivate: Uint8Array;
  /** XEdDSA by the identity key. */
  signByIdentity(text: Uint8Array): Uint8Array;
  ask(request: Asking): Promise<FrameToClient>;
}

/** A token with the key it was issued for. */
export interface HeldToken extends Token {
  readonly privateKey: KeyObject;
}

/** What a frank is made with otherwise than it should be. */
export interface FrankLies extends Partial<Franking> {
  readonly token?: HeldToken;
}

const rawKey = (key: KeyObject) => new Uint8Array(Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url"));

/** Ed25519 as Node checks it. */
export const verifyEd25519: Verify = (publicKey, message, signature) => {
  const key = { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") };
  return verify(null, message, { key, format: "jwk" }, signature);
};

/** A new Ed25519 pair. */
export function newTokenKey(): { readonly publicKey: Uint8Array; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { publicKey: rawKey(publicKey), privateKey };
}

/** Whether an honest client franks a content; what is none may be franked all the same. */
export function isFranked(content: Uint8Array): boolean {
  const kind = decodedOr(content, (bytes) => decodeContent(bytes).kind, undefined);
  return kind !== "receipt" && kind !== "typing";
}

function decodedOr<T>(content: Uint8Array, decode: (content: Uint8Array) => T, otherwise: T): T {
  try {
    return decode(content);
  } catch {
    return otherwise;
  }
}

/** The franks of one device. Enrols and fetches tokens when first needed. */
export class RawFranks {
  private tokens: HeldToken[] = [];
  private known: Promise<Manifest> | undefined;
  private enrolled: Promise<Uint8Array> | undefined;

  constructor(private readonly holder: TokenHolder) {}

  /** What the relay serves of the realm. */
  manifest(): Promise<Manifest> {
    this.known ??= this.fetchManifest();
    return this.known;
  }

  /** The realm that everything is bound to. */
  async realm(): Promise<Realm> {
    return realmOf((await this.manifest()).root);
  }

  /** A token of the present epoch, each given out once. */
  async token(): Promise<HeldToken> {
    if (this.tokens.length === 0) this.tokens = await this.presentBatch();
    const token = this.tokens.pop();
    if (token === undefined) throw new Error("no token");
    return token;
  }

  /** Tokens of the present epoch, which may end before the desk is asked. */
  private async presentBatch(): Promise<HeldToken[]> {
    const epoch = epochOf(Date.now());
    try {
      return await this.batch(epoch);
    } catch (cause) {
      if (epochOf(Date.now()) === epoch) throw cause;
      return this.batch(epochOf(Date.now()));
    }
  }

  /** Tokens for new keys of an epoch. */
  async batch(epoch: number): Promise<HeldToken[]> {
    const keys = Array.from({ length: TOKENS_PER_BATCH }, newTokenKey);
    const answer = await this.askDesk(epoch, keys);
    if (answer.kind !== "tokens") throw new Error(`expected tokens, not ${JSON.stringify(answer)}`);
    return keys.map((key, index) => ({ ...key, epoch, ...(answer.tokens[index] as (typeof answer.tokens)[number]) }));
  }

  /** What the desk says to a request for tokens. */
  async askDesk(epoch: number, keys: readonly { readonly publicKey: Uint8Array }[]): Promise<DeskAnswer> {
    const { speaker } = this.holder;
    const by = { realm: await this.realm(), speaker, deskKey: await this.enrol() };
    return this.asked(encodeAsk("tokens", { epoch, keys: keys.map(({ publicKey }) => publicKey) }, by));
  }

  /** A frank on content bytes for one account, or for a group's members at an entry; right but for `lies`. */
  async frank(content: Uint8Array, audience: Audience, lies: FrankLies = {}): Promise<Franked> {
    const token = lies.token ?? (await this.token());
    return makeFrank({
      ...{ realm: await this.realm(), speaker: this.holder.speaker, secret: new Uint8Array(randomBytes(32)) },
      ...{ committed: decodedOr(content, committedForm, content), audience },
      sign: (text) => new Uint8Array(sign(null, text, token.privateKey)),
      ...lies,
      token,
    });
  }

  /** The audience of a group's message. */
  async groupAudience(
    standing: Parameters<typeof groupRoster>[1],
    members: Parameters<typeof groupRoster>[2],
  ): Promise<Audience> {
    return { kind: "group", roster: groupRoster(await this.realm(), standing, members) };
  }

  private async fetchManifest(): Promise<Manifest> {
    const answer = await this.holder.ask({ type: "fetchRealm", known: undefined });
    if (answer.type !== "realm" || answer.document === undefined) throw new Error("the relay serves no realm");
    return decodeManifest(decodeRealm(answer.document).manifest, verifyEd25519);
  }

  private enrol(): Promise<Uint8Array> {
    this.enrolled ??= this.leaveKey();
    return this.enrolled;
  }

  private async leaveKey(): Promise<Uint8Array> {
    const { speaker, identityKey, identityPrivate, signByIdentity } = this.holder;
    const [manifest, realm] = [await this.manifest(), await this.realm()];
    const triage = deskKeyOf(manifest, "triage", Date.now());
    if (triage === undefined) throw new Error("the desk has no key");
    const deskKey = new Uint8Array(randomBytes(32));
    const box = deskBox(identityPrivate).publicKey;
    const signature = signByIdentity(enrolmentText(realm, speaker, { deskKey, box }));
    const plain = encodeEnrolment({ deskKey, identityKey, box, hostToken: undefined, signature });
    const sealed = seal(triage.key, enrolmentContext(realm, speaker), plain);
    const answer = await this.asked(encodeAsk("enrol", { key: triage.id, sealed }));
    if (answer.kind !== "enrolled") throw new Error(`expected to be enrolled, not ${JSON.stringify(answer)}`);
    return deskKey;
  }

  private async asked(body: Uint8Array): Promise<DeskAnswer> {
    const answer = await this.holder.ask({ type: "askDesk", body });
    if (answer.type !== "deskAnswer") throw new Error(`expected the desk's answer, not ${answer.type}`);
    return decodeDeskAnswer(answer.body);
  }
}
