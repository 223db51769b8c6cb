/** Sessions with other accounts' devices: opening them from bundles, encrypting to all of them, repairing the list. */

import { type AccountId, type DeviceId, equalBytes, type Frame, SottoError } from "@sotto/protocol";
import type { Certificates } from "../account/certificates.js";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import { type Engine, EngineRefusal, type PrekeyBundle } from "../ports.js";
import type { Relay } from "../relay.js";
import { keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { CollectedRecords } from "./engine-records.js";
import { type Fellow, fetchBundles } from "./fetch-bundles.js";
import type { FormerSessions } from "./former-sessions.js";
import type { IdentityChanges } from "./identity-changes.js";
import type { Peers } from "./peers.js";

/** One ciphertext for one device, as a send names it. */
export type Envelope = Frame<"send">["recipients"][number]["envelopes"][number];

/** How often missing sessions are opened for one encryption before it is given up for now. */
const MAX_OPENINGS = 3;

/** What the sessions work with. */
export interface SessionParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Engine;
  readonly relay: Relay;
  readonly certificates: Certificates;
  readonly locks: KeyedLock;
  readonly identityChanges: IdentityChanges;
  readonly former: Pick<FormerSessions, "aside">;
}

/** Ciphertexts for all devices of an account, and the commit they have to wait for. */
export interface Encrypted {
  readonly envelopes: readonly Envelope[];
  readonly durable: Promise<void>;
}

/** How an account is encrypted to: on one device only; as a fellow member. */
export interface Writing {
  readonly only?: DeviceId | undefined;
  readonly fellow?: Fellow | undefined;
}

/** A device that encryption reaches now, or, without a registration id, once a session with it was opened. */
export interface KnownDevice {
  readonly device: DeviceId;
  readonly registrationId: number | undefined;
}

/** What is to be encrypted for whom. */
interface Asked extends Writing {
  readonly recipient: AccountId;
  readonly plaintext: Uint8Array;
  readonly certificate: Uint8Array;
}

type Bundles = Pick<Frame<"bundles">, "identityKey" | "devices">;

type Attempt =
  | ({ readonly kind: "encrypted" } & Encrypted)
  | { readonly kind: "missing"; readonly devices: readonly DeviceId[] };

/** One account's ratchets are used under one lock, so no two calls ever see the same state. */
export class Sessions {
  /** What was read of session records: the store hands out the same bytes again while they are the same. */
  private readonly registrations = new WeakMap<Uint8Array, number>();

  constructor(private readonly parts: SessionParts) {}

  /**
   * Encrypts padded bytes to every known device of an account, or to `only` one of them, opening sessions where there are
   * none. Of the own account that means its other devices: if it has none, no ciphertext comes of it.
   *
   * The ciphertexts may leave only once `durable` resolved: until then a crash would take the ratchets back.
   *
   * @throws identityChanged if a verified identity changed, or a fellow has another one than the group says; unknownDevice
   *   if the account has no such device any more; notAllowed, offline and the like from fetching bundles; badRelay if the
   *   relay's bundles or certificate are no good.
   */
  async encrypt(recipient: AccountId, plaintext: Uint8Array, writing: Writing = {}): Promise<Encrypted> {
    const certificate = await this.parts.certificates.current();
    const asked = { ...writing, recipient, plaintext, certificate };
    for (let openings = 0; ; openings++) {
      const attempt = await this.parts.locks.run(recipient, () => this.attempt(asked));
      if (attempt.kind === "encrypted") return attempt;
      if (openings === MAX_OPENINGS) throw new SottoError("badRelay", { detail: "bundles that open no session" });
      await this.open(recipient, attempt.devices, writing.fellow);
    }
  }

  /**
   * The known devices of an account, in the order of their ids.
   *
   * @throws identityChanged as `encrypt` does.
   */
  async devicesOf(account: AccountId, fellow: Fellow): Promise<readonly KnownDevice[]> {
    const { store, peers, engine, relay } = this.parts;
    const row = await peers.get(account);
    assertTrusted(row, fellow);
    const sessions = await Promise.all(row.devices.map((device) => store.get(keys.session(store, account, device))));
    return row.devices.map((device, at) => {
      const session = sessions[at];
      const known = session && this.registrations.get(session);
      const registrationId = known ?? engine.usableSession(session, relay.nowMs());
      if (session !== undefined && registrationId !== undefined) this.registrations.set(session, registrationId);
      return { device, registrationId };
    });
  }

  /**
   * Opens fresh sessions with the listed devices of an account, or with all it has if the list is empty. With a fellow it is
   * asked for without a name, or not at all.
   *
   * @throws busy if mail showed another identity of the account while its keys were on their way; what fetching throws.
   */
  async open(account: AccountId, devices: readonly DeviceId[], fellow?: Fellow): Promise<void> {
    const { identityKey: before } = await this.parts.peers.get(account);
    const bundles = await fetchBundles(this.parts, account, { devices, fellow });
    const { durable } = await this.parts.locks.run(account, async () => {
      const { identityKey: now } = await this.parts.peers.get(account);
      // The later word on who this is came in the mail: taken for a change, the former identity would come back.
      if (!isSame(now, before) && !isSame(now, bundles.identityKey)) {
        throw new SottoError("busy", { detail: "the account began anew while its keys were asked for" });
      }
      return this.start(account, devices, bundles);
    });
    await durable;
  }

  /**
   * Follows the relay's answer to a send with a wrong device list, with the bundles it brought or fetched ones. Accounts
   * that were not written to are none of its business.
   */
  async repair(recipient: AccountId, mismatch: Frame<"deviceMismatch">, fellow?: Fellow): Promise<void> {
    for (const { account, missing, extra, stale } of mismatch.accounts) {
      if (account !== recipient) continue;
      const gone = [...extra, ...stale];
      if (gone.length > 0) await this.forget(account, gone);
      const fresh = [...missing, ...stale].filter((device) => !this.isThisDevice(account, device));
      if (fresh.length === 0) continue;
      const brought = mismatch.bundles.find((bundles) => bundles.account === account);
      const isEnough = fresh.every((device) => brought?.devices.some((bundle) => bundle.device === device));
      // An identity may be a former one by now: who the account is, is asked anew.
      const { formerIdentities } = await this.parts.peers.get(account);
      const isFormer = formerIdentities.some(({ key }) => isSame(key, brought?.identityKey));
      if (brought === undefined || !isEnough || isFormer) {
        await this.open(account, fresh, fellow);
        continue;
      }
      const { durable } = await this.parts.locks.run(account, () => this.start(account, fresh, brought));
      await durable;
    }
  }

  private isThisDevice(account: AccountId, device: DeviceId): boolean {
    const own = this.parts.account.address;
    return account === own.account && device === own.device;
  }

  /** Drops devices: nothing is encrypted to them any more. What they sent before may still wait in the mailbox, and opens. */
  private async forget(account: AccountId, devices: readonly DeviceId[]): Promise<void> {
    const { store, peers, locks, former } = this.parts;
    const { durable } = await locks.run(account, async () => {
      const row = await peers.get(account);
      const kept = row.devices.filter((device) => !devices.includes(device));
      const sessions = await former.aside(account, devices);
      return { durable: store.commit([peers.change({ ...row, devices: kept }), ...sessions]) };
    });
    await durable;
  }

  private async attempt({ recipient, plaintext, only, fellow, certificate }: Asked): Promise<Attempt> {
    const { store, account, peers, engine, relay } = this.parts;
    const row = await peers.get(recipient);
    assertTrusted(row, fellow);
    if (only !== undefined && !row.devices.includes(only)) throw new SottoError("unknownDevice");
    const devices = only === undefined ? row.devices : [only];
    const nowMs = relay.nowMs();
    const records = new CollectedRecords(store, account, peers);
    const missing: DeviceId[] = [];
    const envelopes: Envelope[] = [];
    for (const device of devices) {
      const peer = { account: recipient, device };
      try {
        const { sealed, registrationId, changes } = await engine.encrypt(records, peer, plaintext, certificate, nowMs);
        records.collect(changes);
        envelopes.push({ device, registrationId, body: sealed });
      } catch (error) {
        if (!(error instanceof EngineRefusal && error.reason === "noSession")) {
          this.parts.certificates.doubt();
          blameRelay(error);
        }
        missing.push(device);
      }
    }
    // What was encrypted beside a missing session is thrown away with its records: nothing of it leaves.
    const isUnknown = devices.length === 0 && recipient !== account.id;
    if (isUnknown || missing.length > 0) return { kind: "missing", devices: missing };
    return { kind: "encrypted", envelopes, durable: store.commit(records.takeChanges()) };
  }

  /** Runs under the account's lock. Answers, not awaits, the commit, so that the lock is free while the disk works. */
  private async start(
    account: AccountId,
    asked: readonly DeviceId[],
    { identityKey, devices: bundles }: Bundles,
  ): Promise<{ readonly durable: Promise<void> }> {
    const { store, account: own, peers, engine, relay, identityChanges } = this.parts;
    const devices = bundles.filter(({ device }) => !this.isThisDevice(account, device));
    let row: Row<"peer"> = await peers.get(account);
    const isOwn = account === own.id;
    if (isOwn && !equalBytes(own.identity.publicKey, identityKey)) {
      throw new SottoError("badRelay", { detail: "keys of this account under another identity" });
    }
    const changed = !isOwn && row.identityKey !== undefined && !equalBytes(row.identityKey, identityKey);
    const change = changed ? await identityChanges.replace(row, identityKey.slice(), relay.nowMs()) : undefined;
    row = change?.row ?? { ...row, identityKey: identityKey.slice() };

    const records = new CollectedRecords(store, own, peers);
    records.replaceIdentity(account, identityKey.slice());
    for (const bundle of devices) {
      const full: PrekeyBundle = { ...bundle, identityKey };
      const peer = { account, device: bundle.device };
      const changes = await engine.startSession(records, peer, full, relay.nowMs()).catch(blameRelay);
      records.collect(changes);
    }
    const opened = devices.map(({ device }) => device);
    // Devices that were asked for and are not there are gone.
    const kept = asked.length === 0 ? [] : row.devices.filter((device) => !asked.includes(device));
    const known = [...new Set([...kept, ...opened])];
    row = { ...row, devices: known.sort((one, other) => one - other) };
    const durable = store.commit([...(change?.build() ?? []), ...records.takeChanges(), peers.change(row)]);
    change?.announceAfter(durable);
    return { durable };
  }
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : equalBytes(one, other);
}

/** A verified identity that changed waits for the user; another one than a group's log names is none of that group's. */
function assertTrusted({ verification, identityKey }: Row<"peer">, fellow: Fellow | undefined): void {
  if (verification === "changed") throw new SottoError("identityChanged");
  if (fellow === undefined || identityKey === undefined || equalBytes(identityKey, fellow.identityKey)) return;
  throw new SottoError("identityChanged", { detail: "a member has another identity key than its group's log says" });
}

/** Keys and certificates come from the relay: what the engine refuses of them is the relay's doing, and no bug of ours. */
function blameRelay(cause: unknown): never {
  if (!(cause instanceof EngineRefusal)) throw cause;
  throw new SottoError("badRelay", { detail: `keys or a certificate that are ${cause.reason}`, cause });
}
