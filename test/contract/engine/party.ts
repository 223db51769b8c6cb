import { type AccountId, accountIdFromBytes, accountIdToBytes, digest, parseDeviceId, toHex } from "@sotto/protocol";
import type {
  Address,
  Engine,
  EngineChange,
  EngineRecords,
  IdentityKeys,
  LastResortUse,
  PrekeyBundle,
} from "../../../sdk/core/ports.js";
import { issueCertificate, type Root } from "./oracle.js";

/** The moment at which everything in the suite happens, unless a test says otherwise. */
export const NOW_MS = 1_790_000_000_000;

/** An account id made from a name. */
export const account = (name: string): AccountId =>
  accountIdFromBytes(digest(new TextEncoder().encode(name)).subarray(0, 16));

interface KyberRow {
  readonly record: Uint8Array;
  readonly use: "oneTime" | "lastResort";
}

/** Options of a bundle: which of its keys are one-time ones. */
export interface BundleKeys {
  readonly kyber: "oneTime" | "lastResort";
  readonly curve: "oneTime" | "none";
}

/** One device of one account with its records in memory: the shell around an engine. */
export class Party implements EngineRecords {
  readonly address: Address;
  readonly registrationId: number;
  readonly sessions = new Map<string, Uint8Array>();
  readonly identities = new Map<AccountId, Uint8Array>();
  readonly #senderKeys = new Map<string, Uint8Array>();
  readonly #curve = new Map<number, Uint8Array>();
  readonly #signed = new Map<number, Uint8Array>();
  readonly #kyber = new Map<number, KyberRow>();
  readonly #usedLastResorts = new Set<string>();
  readonly #engine: Engine;
  readonly #root: Root;
  #nextPrekey = 1;

  constructor(
    engine: Engine,
    { name, device = 1, root, identity }: { name: string; device?: number; root: Root; identity?: IdentityKeys },
  ) {
    this.#engine = engine;
    this.#root = root;
    this.address = { account: account(name), device: parseDeviceId(device) };
    this.identity = identity ?? engine.generateIdentity();
    this.registrationId = engine.generateRegistrationId();
  }

  readonly identity: IdentityKeys;

  /** What the relay would hand out of this device, from keys generated now. */
  bundle({ kyber, curve }: BundleKeys = { kyber: "oneTime", curve: "oneTime" }): PrekeyBundle {
    const id = this.#nextPrekey++;
    const [oneTime] = this.#engine.generateCurvePrekeys([id]);
    const [post] = this.#engine.generateKyberPrekeys(this.identity, [id], NOW_MS);
    const signed = this.#engine.generateSignedPrekey(this.identity, id, NOW_MS);
    if (oneTime === undefined || post === undefined) throw new Error("the engine made no keys");
    this.#curve.set(id, oneTime.record);
    this.#signed.set(id, signed.record);
    this.#kyber.set(id, { record: post.record, use: kyber });
    return {
      identityKey: this.identity.publicKey,
      registrationId: this.registrationId,
      signedPrekey: signed,
      kyberPrekey: post,
      oneTimePrekey: curve === "oneTime" ? oneTime : undefined,
    };
  }

  /** A sender certificate of this device, valid for a day. */
  certificate(): Uint8Array {
    const identityKey = this.identity.publicKey;
    return issueCertificate(this.#root, { sender: this.address, identityKey, expiresMs: NOW_MS + 86_400_000 });
  }

  async startSession(peer: Party, keys?: BundleKeys, nowMs = NOW_MS): Promise<void> {
    this.apply(await this.#engine.startSession(this, peer.address, peer.bundle(keys), nowMs));
  }

  /** Encrypts and seals a text, and commits what changed. */
  async send(peer: Party, text: string): Promise<Uint8Array> {
    const plaintext = new TextEncoder().encode(text);
    const { sealed, changes } = await this.#engine.encrypt(this, peer.address, plaintext, this.certificate(), NOW_MS);
    this.apply(changes);
    return sealed;
  }

  /** Opens an envelope without committing anything. */
  async open(sealed: Uint8Array) {
    const unsealed = await this.#engine.unseal(this, sealed, [this.#root.publicKey], NOW_MS);
    const { plaintext, changes } = await this.#engine.decrypt(this, unsealed);
    return { text: new TextDecoder().decode(plaintext), kind: unsealed.kind, changes };
  }

  /** Opens an envelope and commits what changed. */
  async receive(sealed: Uint8Array): Promise<string> {
    const { text, changes } = await this.open(sealed);
    this.apply(changes);
    return text;
  }

  apply(changes: readonly EngineChange[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case "session":
          this.sessions.set(nameOf(change.address), change.record);
          break;
        case "senderKey":
          this.#senderKeys.set(nameOfKey(change.address, change.distribution), change.record);
          break;
        case "peerIdentity":
          this.identities.set(change.account, change.key);
          break;
        case "curvePrekeyUsed":
          this.#curve.delete(change.id);
          break;
        case "kyberPrekeyUsed":
          this.#kyber.delete(change.id);
          break;
        case "lastResortUsed":
          this.#usedLastResorts.add(nameOfUse(change));
          break;
        default:
          throw new Error(`an unknown change: ${JSON.stringify(change satisfies never)}`);
      }
    }
  }

  /** Forgets the session with a peer's device, as a store that lost the row would. */
  forgetSession(peer: Party): void {
    this.sessions.delete(nameOf(peer.address));
  }

  forgetSignedPrekeys(): void {
    this.#signed.clear();
  }

  sessionWith(peer: Party): Uint8Array | undefined {
    return this.sessions.get(nameOf(peer.address));
  }

  /** Everything the records hold, to compare. */
  snapshot(): unknown {
    return structuredClone([
      this.sessions,
      this.identities,
      this.#senderKeys,
      this.#curve,
      this.#signed,
      this.#kyber,
      this.#usedLastResorts,
    ]);
  }

  own() {
    return { identity: this.identity, registrationId: this.registrationId, address: this.address };
  }

  async peerIdentity(of: AccountId): Promise<Uint8Array | undefined> {
    return this.identities.get(of);
  }

  async session(address: Address): Promise<Uint8Array | undefined> {
    return this.sessions.get(nameOf(address));
  }

  async curvePrekey(id: number): Promise<Uint8Array | undefined> {
    return this.#curve.get(id);
  }

  async signedPrekey(id: number): Promise<Uint8Array | undefined> {
    return this.#signed.get(id);
  }

  async kyberPrekey(id: number): Promise<KyberRow | undefined> {
    return this.#kyber.get(id);
  }

  async senderKey(address: Address, distribution: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#senderKeys.get(nameOfKey(address, distribution));
  }

  async lastResortUsed(use: LastResortUse): Promise<boolean> {
    return this.#usedLastResorts.has(nameOfUse(use));
  }
}

/** Another device of the same account. */
export const siblingOf = (party: Party, device: number): Address => ({
  account: party.address.account,
  device: parseDeviceId(device),
});

function nameOf(address: Address): string {
  return `${toHex(accountIdToBytes(address.account))}.${address.device}`;
}

function nameOfKey(address: Address, distribution: Uint8Array): string {
  return `${nameOf(address)}.${toHex(distribution)}`;
}

function nameOfUse({ kyberPrekeyId, signedPrekeyId, baseKey }: LastResortUse): string {
  return `${kyberPrekeyId}.${signedPrekeyId}.${toHex(baseKey)}`;
}
