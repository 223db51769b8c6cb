/** What the desk's rules need of the world: rows that are kept, a relay, time, chance, and somebody to call. */

import type { AccountId, DeviceId } from "@sotto/protocol";

/** One change of a batch. */
export type RowChange = { readonly key: string; readonly value: Uint8Array | undefined };

/** The desk's rows: ordered, written in atomic batches. Keys are ASCII; the catalogue (rows.ts) says what there is. */
export interface Rows {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keys with this prefix behind `after`, ascending, at most `limit`. */
  list(
    prefix: string,
    range?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly { readonly key: string; readonly value: Uint8Array }[]>;
  /** All or none; resolves when they survive power loss. */
  write(changes: readonly RowChange[]): Promise<void>;
  /** Has what was deleted or written over under this prefix leave the disk as well, as far as a program can see to that. */
  scrub(prefix: string): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A report as the relay hands it over. */
export interface RelayReport {
  readonly seq: number;
  readonly report: Uint8Array;
  readonly reporter: AccountId;
  readonly receivedMs: number;
  readonly heads: Uint8Array;
  readonly words: Uint8Array;
}

/** The relay, as the desk uses it. Every call rejects while it is away. */
export interface RelayLink {
  /** Replaces what the relay serves of the realm. */
  putRealm(document: Uint8Array): Promise<void>;
  /** The stamp keys the relay made from an epoch on. */
  stampKeys(from: number): Promise<readonly { readonly epoch: number; readonly key: Uint8Array }[]>;
  reports(after: number): Promise<{ readonly reports: readonly RelayReport[]; readonly more: boolean }>;
  /** Lets the relay delete them: they are on disk here. */
  acknowledgeReports(upTo: number): Promise<void>;
  /** Carries out a signed sanction. */
  enforce(sanction: Uint8Array): Promise<void>;
  /** There is something for this account. */
  notify(account: AccountId): Promise<void>;
}

/** What the relay tells the desk. */
export interface RelayEvents {
  /** The relay was reached, for the first time or again. */
  connected(): void;
  /** A device asks; the answer goes back to it. */
  asked(account: AccountId, device: DeviceId, body: Uint8Array): Promise<Uint8Array>;
  reportsWaiting(): void;
}

/** Somebody's server that hears of cases. Rejects if it did not take it. */
export type CallWebhook = (url: string, body: string, signature: string) => Promise<void>;
