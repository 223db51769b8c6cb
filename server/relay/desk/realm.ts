/** The realm as this relay serves it: what the desk put here last, checked, kept on disk and held in memory. */

import {
  decodeFeed,
  decodeManifest,
  decodeRealm,
  equalBytes,
  mayFollow,
  type ReadManifest,
  realmOf,
  SottoError,
  statementHash,
} from "@sotto/protocol";
import type { RelayPolicy, Signatures, Store } from "../../ports.js";
import type { TableBucket } from "../table-buckets.js";

const BUCKET: TableBucket = "realm";
const KEY = "document";
/** How often a document is put against others that put one. */
const ATTEMPTS = 4;

/** The realm of a relay that never had a desk: its stamps are made, and count for nobody. */
const NO_REALM = new Uint8Array(16);

/** What is served, and what was read in it. */
export interface HeldRealm {
  /** Of what names this relay's stamps and sanctions. */
  readonly id: Uint8Array;
  readonly document: Uint8Array;
  readonly hash: Uint8Array;
  readonly manifest: ReadManifest;
  readonly statement: string;
}

/** What the realm is made of. */
export interface RealmParts {
  readonly store: Pick<Store, "table">;
  readonly signatures: Pick<Signatures, "sha256" | "verifyDevice">;
  readonly policy: Pick<RelayPolicy, "deskKey">;
}

/** The realm. Read from disk once, before the first greeting ends. */
export class Realm {
  private present: HeldRealm | undefined;

  constructor(private readonly parts: RealmParts) {}

  /** What is served; `undefined` until a desk put something here. */
  get held(): HeldRealm | undefined {
    return this.present;
  }

  /**
   * The realm that stamps are for. A relay that is told of a desk and has nothing of it yet has none, and takes no mail to
   * store; one without a desk makes stamps that nobody takes for anything.
   */
  get id(): Uint8Array | undefined {
    if (this.present !== undefined) return this.present.id;
    return this.parts.policy.deskKey === undefined ? NO_REALM : undefined;
  }

  /** Reads what was put before. @throws StoreError; internal if what is stored does not parse. */
  async open(): Promise<void> {
    const stored = await this.parts.store.table.get(BUCKET, KEY);
    if (stored === undefined) return;
    try {
      this.present = this.read(stored.value);
    } catch (cause) {
      throw new SottoError("internal", { detail: "the stored realm does not parse", cause });
    }
  }

  /**
   * Takes another document, durably. The same manifest with another feed may come again; an older manifest of the same root
   * is refused. Another root is another realm: that is the operator's doing, who named this desk.
   *
   * @returns `same` if these very bytes are held, `moved` if the realm is another one now.
   * @throws badFrame if a part of it is not signed as it must be, or does not follow what is held.
   */
  async put(document: Uint8Array): Promise<"same" | "replaced" | "moved"> {
    const next = this.read(document.slice());
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await this.parts.store.table.get(BUCKET, KEY);
      const held = stored === undefined ? undefined : this.read(stored.value);
      if (held !== undefined && !maySucceed(held, next)) {
        throw new SottoError("badFrame", { detail: "a manifest that does not follow the one held" });
      }
      if (held !== undefined && equalBytes(held.hash, next.hash)) {
        this.present = held;
        return "same";
      }
      if (!(await this.parts.store.table.compareAndSet(BUCKET, KEY, stored?.revision, next.document)).won) continue;
      this.present = next;
      return held === undefined || equalBytes(held.id, next.id) ? "replaced" : "moved";
    }
    throw new SottoError("busy", { detail: "the realm changes too often" });
  }

  private read(document: Uint8Array): HeldRealm {
    const { sha256, verifyDevice } = this.parts.signatures;
    const { feed, manifest: encoded, statement } = decodeRealm(document);
    const manifest = decodeManifest(encoded, verifyDevice);
    decodeFeed(feed, manifest, verifyDevice);
    if (!equalBytes(statementHash(statement), manifest.statementHash)) {
      throw new SottoError("badFrame", { detail: "a statement that its manifest does not name" });
    }
    return { id: realmOf(manifest.root), document, hash: sha256(document), manifest, statement };
  }
}

function maySucceed({ manifest: held }: HeldRealm, { manifest: next }: HeldRealm): boolean {
  if (!equalBytes(held.root, next.root)) return true;
  return equalBytes(held.hash, next.hash) || mayFollow(held, next);
}
