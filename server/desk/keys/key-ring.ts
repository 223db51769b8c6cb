/** The desk's keys: made ahead, published and destroyed on time, every destruction in the log. Held in memory, for they are few. */

import { deskKeyId, epochOf, equalBytes, type Realm, realmOf, sealKeysOf, toHex, unseal } from "@sotto/protocol";
import { DeskError } from "../api.js";
import type { AuditNote } from "../audit/chain.js";
import type { Ledger } from "../audit/ledger.js";
import type { Locks } from "../lock.js";
import type { RowChange } from "../ports.js";
import { type RowOf, sortable, type Tables } from "../rows.js";
import { type SigningKey, signingKeyOf } from "./ed25519.js";
import { dueKeys, isProvable, TRIAGE_LIFE_MS } from "./upkeep.js";

/** An epoch's issuer key, as the manifest lists it. */
export interface IssuerEpoch {
  readonly epoch: number;
  readonly publicKey: Uint8Array;
  readonly revokedAfterMs: number | undefined;
}

/** A triage key. */
export interface TriageKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly seed: Uint8Array;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

/** A key of the relay's stamps. */
interface StampKey {
  readonly epoch: number;
  readonly key: Uint8Array;
}

/** What the ring works on. */
export interface KeyRingParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
  random(bytes: number): Uint8Array;
  now(): number;
}

type IssuerRow = RowOf<"issuerKey"> & { readonly signing: SigningKey | undefined };

/** All keys of the desk. They change one change at a time: what is in memory is read anew behind most, and must miss none. */
export class KeyRing {
  readonly #parts: KeyRingParts;
  readonly #issuer = new Map<number, IssuerRow>();
  readonly #account = new Map<number, Uint8Array>();
  readonly #stamp = new Map<number, Uint8Array>();
  readonly #triage = new Map<string, TriageKey>();

  private constructor(
    parts: KeyRingParts,
    readonly root: { readonly publicKey: Uint8Array; readonly signing: SigningKey | undefined },
    readonly signer: SigningKey,
    /** What proves the desk to the relay. */
    readonly link: SigningKey,
  ) {
    this.#parts = parts;
    this.realm = realmOf(root.publicKey);
  }

  readonly realm: Realm;

  /** Opens the ring, and makes what a desk has from its first day on. */
  static async open(parts: KeyRingParts): Promise<KeyRing> {
    const { tables, ledger, random } = parts;
    const changes: RowChange[] = [];
    let rootRow = await tables.root.get("root");
    if (rootRow === undefined) {
      const secret = random(32);
      rootRow = { publicKey: signingKeyOf(secret).publicKey, secret };
      changes.push(tables.root.put("root", rootRow));
    }
    const own = async (name: "signer" | "link") => {
      const row = (await tables.ownKey.get(name)) ?? { seed: random(32) };
      changes.push(tables.ownKey.put(name, row));
      return signingKeyOf(row.seed);
    };
    const signer = await own("signer");
    const link = await own("link");
    const isNew = changes.length > 2;
    await ledger.commit(changes, ...(isNew ? [made("root, signer and link", toHex(rootRow.publicKey))] : []));
    const signing = rootRow.secret === undefined ? undefined : signingKeyOf(rootRow.secret);
    const ring = new KeyRing(parts, { publicKey: rootRow.publicKey, signing }, signer, link);
    await ring.#load();
    return ring;
  }

  /** What signs an epoch's tokens; `undefined` without one, or once its secret was published. */
  issuer(epoch: number): SigningKey | undefined {
    return this.#issuer.get(epoch)?.signing;
  }

  /** All epochs that are listed, ascending. */
  epochs(): readonly IssuerEpoch[] {
    return [...this.#issuer]
      .sort(([one], [other]) => one - other)
      .map(([epoch, { publicKey, revokedAfterMs }]) => ({ epoch, publicKey, revokedAfterMs }));
  }

  accountKey(epoch: number): Uint8Array | undefined {
    return this.#account.get(epoch);
  }

  stampKey(epoch: number): Uint8Array | undefined {
    return this.#stamp.get(epoch);
  }

  /** The first epoch of which a stamp key is still of use. */
  firstStampEpoch(): number {
    let epoch = epochOf(this.#parts.now());
    while (epoch > 0 && isProvable(epoch - 1, this.#parts.now())) epoch--;
    return epoch;
  }

  triageKeys(): readonly TriageKey[] {
    return [...this.#triage.values()].sort((one, other) => other.expiresMs - one.expiresMs);
  }

  /** Opens what was sealed to the triage key: to the one of this id, or whichever it was. */
  openTriage(context: Uint8Array, sealed: Uint8Array, id?: Uint8Array): Uint8Array | undefined {
    const named = id === undefined ? undefined : this.#triage.get(toHex(id));
    for (const key of id === undefined ? this.triageKeys() : named === undefined ? [] : [named]) {
      const opened = unseal(key.seed, context, sealed);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  /** Makes, publishes and destroys what is due. */
  upkeep(): Promise<void> {
    return this.#parts.locks.hold("keys", () => this.#upkeep());
  }

  async #upkeep(): Promise<void> {
    const { tables, ledger, random, now } = this.#parts;
    const due = dueKeys(this.#held(), now());
    const changes: RowChange[] = [];
    const notes: AuditNote[] = [];
    for (const epoch of due.makeEpochs) {
      const seed = random(32);
      changes.push(
        tables.issuerKey.put(sortable(epoch), { publicKey: signingKeyOf(seed).publicKey, seed }),
        tables.accountKey.put(sortable(epoch), { key: random(32) }),
      );
      notes.push(made("issuer and account key", `epoch ${epoch}`));
    }
    if (due.makeTriage === "yes") {
      const seed = random(32);
      const id = toHex(deskKeyId(sealKeysOf(seed).publicKey));
      changes.push(tables.triageKey.put(id, { seed, notBeforeMs: now(), expiresMs: now() + TRIAGE_LIFE_MS }));
      notes.push(made("triage key", id));
    }
    for (const epoch of due.disclose) {
      const row = this.#issuer.get(epoch);
      if (row?.seed === undefined) continue;
      const { publicKey, revokedAfterMs } = row;
      changes.push(
        tables.disclosedKey.put(sortable(epoch), { seed: row.seed }),
        tables.issuerKey.put(sortable(epoch), { publicKey, revokedAfterMs }),
      );
      notes.push({ by: "desk", what: "keyPublished", about: `epoch ${epoch}` });
    }
    for (const epoch of due.forgetIssuer) changes.push(tables.issuerKey.drop(sortable(epoch)));
    for (const epoch of due.destroyAccount) {
      changes.push(tables.accountKey.drop(sortable(epoch)));
      notes.push(destroyed("account key", `epoch ${epoch}`));
    }
    for (const epoch of due.destroyStamp) {
      changes.push(tables.stampKey.drop(sortable(epoch)));
      notes.push(destroyed("stamp key", `epoch ${epoch}`));
    }
    for (const id of due.destroyTriage) {
      changes.push(tables.triageKey.drop(id));
      notes.push(destroyed("triage key", id));
    }
    if (changes.length === 0) return;
    await ledger.commit(changes, ...notes);
    await this.#load();
  }

  /**
   * Keeps stamp keys that the relay made. One that was destroyed here does not come back, and one that is held is never replaced, for
   * stamps were made under it; but that of an epoch to come is, under which none were: the relay may be another one since.
   */
  takeStampKeys(keys: readonly StampKey[]): Promise<void> {
    return this.#parts.locks.hold("keys", () => this.#takeStampKeys(keys));
  }

  async #takeStampKeys(keys: readonly StampKey[]): Promise<void> {
    const { tables, ledger, now } = this.#parts;
    const isNews = ({ epoch, key }: StampKey) => {
      const held = this.#stamp.get(epoch);
      return held === undefined || (epoch > epochOf(now()) && !equalBytes(held, key));
    };
    const fresh = keys.filter((one) => isNews(one) && isProvable(one.epoch, now()));
    if (fresh.length === 0) return;
    await ledger.commit(fresh.map(({ epoch, key }) => tables.stampKey.put(sortable(epoch), { key: key.slice() })));
    for (const { epoch, key } of fresh) this.#stamp.set(epoch, key.slice());
  }

  /** Makes an epoch's tokens count no more from a time on. @throws DeskError notFound for an epoch that has no key. */
  revokeEpoch(epoch: number, afterMs: number): Promise<void> {
    return this.#parts.locks.hold("keys", () => this.#revokeEpoch(epoch, afterMs));
  }

  async #revokeEpoch(epoch: number, afterMs: number): Promise<void> {
    const row = this.#issuer.get(epoch);
    if (row === undefined) throw new DeskError("notFound", "There is no such epoch here.");
    const { publicKey, seed } = row;
    const { tables, ledger } = this.#parts;
    await ledger.commit([tables.issuerKey.put(sortable(epoch), { publicKey, seed, revokedAfterMs: afterMs })], {
      by: "operator",
      what: "epochRevoked",
      about: `epoch ${epoch}`,
      detail: { afterMs },
    });
    await this.#load();
  }

  revokedAfterMs(epoch: number): number | undefined {
    return this.#issuer.get(epoch)?.revokedAfterMs;
  }

  #held() {
    return {
      issuer: [...this.#issuer].map(([epoch, { seed }]) => ({ epoch, kind: seed ? "secret" : "public" }) as const),
      account: [...this.#account.keys()],
      stamp: [...this.#stamp.keys()],
      triage: [...this.#triage.values()],
    };
  }

  async #load(): Promise<void> {
    const { tables } = this.#parts;
    const [issuer, account, stamp, triage] = await Promise.all([
      tables.issuerKey.all(),
      tables.accountKey.all(),
      tables.stampKey.all(),
      tables.triageKey.all(),
    ]);
    refill(this.#issuer, issuer, Number, (row) => ({ ...row, signing: row.seed && signingKeyOf(row.seed) }));
    refill(this.#account, account, Number, ({ key }) => key);
    refill(this.#stamp, stamp, Number, ({ key }) => key);
    refill(this.#triage, triage, String, (row) => {
      const { publicKey } = sealKeysOf(row.seed);
      return { ...row, id: toHex(deskKeyId(publicKey)), publicKey };
    });
  }
}

function refill<Key, Row, Value>(
  map: Map<Key, Value>,
  rows: readonly { readonly key: string; readonly value: Row }[],
  keyOf: (key: string) => Key,
  read: (row: Row) => Value,
): void {
  map.clear();
  for (const { key, value } of rows) map.set(keyOf(key), read(value));
}

function made(what: string, about: string): AuditNote {
  return { by: "desk", what: "keyMade", about, detail: { key: what } };
}

function destroyed(what: string, about: string): AuditNote {
  return { by: "desk", what: "keyDestroyed", about, detail: { key: what } };
}
