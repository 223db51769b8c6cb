/**
 * Sessions that encrypt nothing any more, and with which mail that was written to them still opens: those of a state that may
 * be older than the newest one, whose next message keys may have been used; of devices that are gone; and of identities a
 * peer had before.
 *
 * They are moved to rows of their own rather than archived inside their record: an engine that opens mail for an archived
 * state makes it the sending one again, at the old counter.
 */

import { type AccountId, type DeviceId, equalBytes } from "@sotto/protocol";
import {
  type Address,
  type Clock,
  type Engine,
  type EngineChange,
  EngineRefusal,
  type LastResortUse,
  type StoreChange,
  type Unsealed,
} from "../ports.js";
import { decodeRow, encodeRow, keys, orderOf, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { CollectedRecords } from "./engine-records.js";

/** Sessions moved in one commit. */
const PAGE = 64;
/** Mail that was written to an older one has expired at every relay. */
const KEEP_MS = 31 * 24 * 3_600_000;
/** Kept of one device; each stands for an unclean end with mail sent since the one before. */
const MAX_EPOCHS = 6;

/** Keeps former sessions and opens mail with them. */
export class FormerSessions {
  /** Prefixes of devices that have any, so that mail of all others costs nothing. */
  private readonly known = new Set<string>();
  /** Names the rows of one retirement; rises, whatever the clock does, so that none takes another's place. */
  private epochMs = 0;

  constructor(
    private readonly parts: { readonly store: SealedStore; readonly engine: Engine; readonly clock: Clock },
  ) {}

  /** Looks which there are. */
  async load(): Promise<void> {
    const { store } = this.parts;
    let spanned = range(keys.formerSessions, PAGE);
    for (;;) {
      const page = await store.list(spanned);
      for (const { key } of page) {
        this.known.add(prefixOf(key));
        this.epochMs = Math.max(this.epochMs, orderOf(key));
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      spanned = { ...spanned, after: last.key };
    }
  }

  /**
   * Moves every session there is: from then on the first send to each device opens a fresh one. Nothing else may use
   * sessions meanwhile. Answers how many there were; a crash in the middle leaves the rest to the next call.
   */
  async retire(): Promise<number> {
    const { store, clock } = this.parts;
    const sinceMs = clock.now();
    this.epochMs = Math.max(sinceMs, this.epochMs + 1);
    let moved = 0;
    for (;;) {
      const page = await store.list(range(keys.sessions, PAGE));
      if (page.length === 0) break;
      const changes = page.flatMap(({ key, value }): readonly StoreChange[] => {
        const prefix = `${keys.formerSessions}${key.slice(keys.sessions.length)}/`;
        this.known.add(prefix);
        const former = encodeRow("formerSession", { session: value, sinceMs, identityKey: undefined });
        return [
          { key, value: undefined },
          { key: `${prefix}${orderedMs(this.epochMs)}`, value: former },
        ];
      });
      await store.commit(changes);
      moved += page.length;
    }
    await this.purge(sinceMs);
    return moved;
  }

  /**
   * The changes that put the sessions of some devices aside: they are gone, or their account has another identity than
   * `identityKey` now. The caller holds the account's lock until they are committed.
   */
  async aside(
    account: AccountId,
    devices: readonly DeviceId[],
    identityKey?: Uint8Array,
  ): Promise<readonly StoreChange[]> {
    const { store, clock } = this.parts;
    const sinceMs = clock.now();
    this.epochMs = Math.max(sinceMs, this.epochMs + 1);
    const epoch = orderedMs(this.epochMs);
    const changes: StoreChange[] = [];
    for (const device of devices) {
      const key = keys.session(store, account, device);
      const session = await store.get(key);
      if (session === undefined) continue;
      const prefix = keys.formerSessionsOf(store, account, device);
      this.known.add(prefix);
      const value = encodeRow("formerSession", { session, sinceMs, identityKey });
      changes.push({ key, value: undefined }, { key: `${prefix}${epoch}`, value }, ...(await this.surplus(prefix)));
    }
    return changes;
  }

  /**
   * Decrypts mail of an identity that its account had before: with a session of it, or, for a first message, with a new one
   * that is put aside at once. The caller made `records` trust that identity.
   *
   * @throws EngineRefusal if none opens it.
   */
  async decryptOf(records: CollectedRecords, unsealed: Unsealed): Promise<Uint8Array> {
    if (unsealed.kind === "senderKey") return this.inUse(records, unsealed);
    const plaintext = await this.former(records, unsealed, unsealed.senderIdentity);
    if (plaintext !== undefined) return plaintext;
    if (unsealed.kind !== "prekey") throw new EngineRefusal("noSession");
    const { store, engine, clock } = this.parts;
    const { account, device } = unsealed.sender;
    const opened = await engine.decrypt(withoutSession(records), unsealed);
    const sinceMs = clock.now();
    this.epochMs = Math.max(sinceMs, this.epochMs + 1);
    const prefix = keys.formerSessionsOf(store, account, device);
    this.known.add(prefix);
    const others: EngineChange[] = [];
    for (const change of opened.changes) {
      if (change.kind !== "session") others.push(change);
      else {
        const row = { session: change.record, sinceMs, identityKey: unsealed.senderIdentity.slice() };
        records.also({ key: `${prefix}${orderedMs(this.epochMs)}`, value: encodeRow("formerSession", row) });
      }
    }
    records.collect(others);
    return opened.plaintext;
  }

  /**
   * Decrypts what `unseal` answered with the device's session, else with a former one; collects the changes.
   *
   * @throws EngineRefusal of the session in use, if none opens it.
   */
  async decrypt(records: CollectedRecords, unsealed: Unsealed): Promise<Uint8Array> {
    // A sender key belongs to no session: none put aside opens more with it.
    if (unsealed.kind === "senderKey") return this.inUse(records, unsealed);
    const { store } = this.parts;
    const { account, device } = unsealed.sender;
    if (!this.known.has(keys.formerSessionsOf(store, account, device))) return this.inUse(records, unsealed);
    // A first message says whose state it belongs to. A present session would take it for a new one and spend its keys.
    if (unsealed.kind === "prekey") {
      return (await this.former(records, unsealed)) ?? this.inUse(records, unsealed);
    }
    try {
      return await this.inUse(records, unsealed);
    } catch (error) {
      if (!(error instanceof EngineRefusal) || error.reason === "duplicate") throw error;
      const plaintext = await this.former(records, unsealed);
      if (plaintext === undefined) throw error;
      return plaintext;
    }
  }

  private async inUse(records: CollectedRecords, unsealed: Unsealed): Promise<Uint8Array> {
    const { plaintext, changes } = await this.parts.engine.decrypt(records, unsealed);
    records.collect(changes);
    return plaintext;
  }

  /** Tries the newest first. The changed state goes back to where it came from, never to the session that encrypts. */
  private async former(
    records: CollectedRecords,
    unsealed: Unsealed,
    identity?: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const { store, engine } = this.parts;
    const { account, device } = unsealed.sender;
    const prefix = keys.formerSessionsOf(store, account, device);
    const stored = await store.list({ ...range(prefix, MAX_EPOCHS), order: "descending" });
    for (const { key, value } of stored) {
      const { session, sinceMs, identityKey } = decodeRow("formerSession", value);
      if (!mayBeOf(identityKey, identity)) continue;
      try {
        const { plaintext, changes } = await engine.decrypt(onlyWith(records, session), unsealed);
        const others: EngineChange[] = [];
        for (const change of changes) {
          if (change.kind !== "session") others.push(change);
          else
            records.also({ key, value: encodeRow("formerSession", { session: change.record, sinceMs, identityKey }) });
        }
        records.collect(others);
        return plaintext;
      } catch (error) {
        if (!(error instanceof EngineRefusal)) throw error;
        if (error.reason === "duplicate") throw error;
      }
    }
    return undefined;
  }

  /** What one more session of a device pushes out. */
  private async surplus(prefix: string): Promise<readonly StoreChange[]> {
    const stored = await this.parts.store.list(range(prefix, MAX_EPOCHS));
    const [oldest] = stored;
    return oldest === undefined || stored.length < MAX_EPOCHS ? [] : [{ key: oldest.key, value: undefined }];
  }

  /** Deletes what is too old, and of each device all but the newest. */
  private async purge(nowMs: number): Promise<void> {
    const { store } = this.parts;
    const gone: StoreChange[] = [];
    for (const prefix of this.known) {
      const stored = await store.list({ ...range(prefix, PAGE), order: "descending" });
      const isGone = (value: Uint8Array, index: number) =>
        index >= MAX_EPOCHS || nowMs - decodeRow("formerSession", value).sinceMs > KEEP_MS;
      gone.push(
        ...stored.flatMap(({ key, value }, index) => (isGone(value, index) ? [{ key, value: undefined }] : [])),
      );
    }
    if (gone.length > 0) await store.commit(gone);
  }
}

/**
 * Whether a session put aside may be with the identity asked for: the present one unless one is named. One without a name was
 * put aside for another reason, maybe just before its account changed its identity, and may be with any.
 */
function mayBeOf(identityKey: Uint8Array | undefined, identity: Uint8Array | undefined): boolean {
  if (identityKey === undefined) return true;
  return identity !== undefined && equalBytes(identityKey, identity);
}

/** Records without a session: a first message begins one with them, whatever session there is with the device now. */
function withoutSession(records: CollectedRecords) {
  return {
    own: () => records.own(),
    peerIdentity: (account: AccountId) => records.peerIdentity(account),
    session: async (_address: Address) => undefined,
    curvePrekey: (id: number) => records.curvePrekey(id),
    signedPrekey: (id: number) => records.signedPrekey(id),
    kyberPrekey: (id: number) => records.kyberPrekey(id),
    senderKey: (address: Address, distribution: Uint8Array) => records.senderKey(address, distribution),
    lastResortUsed: (use: LastResortUse) => records.lastResortUsed(use),
  };
}

/** Records with this session and without prekeys: a message that would begin a new session does not open with them. */
function onlyWith(records: CollectedRecords, session: Uint8Array) {
  return {
    own: () => records.own(),
    peerIdentity: (account: AccountId) => records.peerIdentity(account),
    session: async (_address: Address) => session,
    curvePrekey: async () => undefined,
    signedPrekey: async () => undefined,
    kyberPrekey: async () => undefined,
    senderKey: async () => undefined,
    lastResortUsed: async () => false,
  };
}

function prefixOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/** As wide as the catalogue's numbers, so that the order of keys is that of times. */
function orderedMs(atMs: number): string {
  return atMs.toString(36).padStart(11, "0");
}
