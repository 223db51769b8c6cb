/** Uploads that are not finished, as they are kept: one row each, named by the place that its source is at. */

import { limits, SottoError, toHex } from "@sotto/protocol";
import type { Random, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { utf8Length } from "../utf8-length.js";

/** Where a source is, as far as that can be said: 32 hex digits that name nothing to who reads the disk. */
export type Place = string;

const PLACE = /^[0-9a-f]{32}$/;

/** The rows of uploads. */
export class PendingUploads {
  constructor(private readonly parts: { readonly store: SealedStore; readonly random: Random }) {}

  /** The place of what can be named; one of its own for what cannot. */
  placeOf(named: string | undefined): Place {
    const { store, random } = this.parts;
    return named === undefined ? toHex(random.bytes(16)) : store.blind("upload", named);
  }

  /** An identity as it is kept. */
  identityOf(identity: string): string {
    return this.parts.store.blind("source", identity);
  }

  /** The upload of a place. */
  async find(place: Place): Promise<Row<"upload"> | undefined> {
    const stored = await this.parts.store.get(keys.upload(place));
    return stored === undefined ? undefined : decodeRow("upload", stored);
  }

  /** Resolves when the row survives power loss: only then may leave what its mark covers. */
  async save(place: Place, row: Row<"upload">): Promise<void> {
    await this.parts.store.commit([{ key: keys.upload(place), value: encodeRow("upload", row) }]);
  }

  /** Deletes a row. Idempotent. */
  async remove(place: Place): Promise<void> {
    await this.parts.store.commit([gone(place)]);
  }

  /** The upload is finished: from here on only what deletes it is known. */
  async finish(place: Place, blob: Uint8Array, row: Row<"uploaded">): Promise<void> {
    const { store } = this.parts;
    await store.commit([gone(place), { key: keys.uploaded(store, blob), value: encodeRow("uploaded", row) }]);
  }

  /** What deletes a finished upload of this device; `undefined` once the relay has done it by itself. */
  async finished(blob: Uint8Array): Promise<Row<"uploaded"> | undefined> {
    const { store } = this.parts;
    const stored = await store.get(keys.uploaded(store, blob));
    return stored === undefined ? undefined : decodeRow("uploaded", stored);
  }

  /** A finished upload was deleted. Idempotent. */
  async forget(blob: Uint8Array): Promise<void> {
    const { store } = this.parts;
    await store.commit([{ key: keys.uploaded(store, blob), value: undefined }]);
  }

  /** Every upload that is not finished. */
  async all(): Promise<readonly { readonly place: Place; readonly row: Row<"upload"> }[]> {
    const found: { place: Place; row: Row<"upload"> }[] = [];
    for await (const { key, value } of eachRow(this.parts.store, keys.uploads))
      found.push({ place: key.slice(keys.uploads.length), row: decodeRow("upload", value) });
    return found;
  }

  /** Deletes what the relay has let go of. Answers what nobody can go on with, for it to be deleted there as well. */
  async purge(nowMs: number): Promise<readonly { readonly place: Place; readonly row: Row<"upload"> }[]> {
    const changes: StoreChange[] = [];
    const orphans: { place: Place; row: Row<"upload"> }[] = [];
    for (const pending of await this.all()) {
      if (pending.row.expiresMs <= nowMs) changes.push(gone(pending.place));
      else if (pending.row.identity === undefined) orphans.push(pending);
    }
    for await (const { key, value } of eachRow(this.parts.store, keys.uploadeds))
      if (decodeRow("uploaded", value).expiresMs <= nowMs) changes.push({ key, value: undefined });
    if (changes.length > 0) await this.parts.store.commit(changes);
    return orphans;
  }
}

/**
 * A place as an app names it.
 *
 * @throws invalidArgument for anything that is none.
 */
export function parsePlace(id: string): Place {
  if (typeof id !== "string" || !PLACE.test(id))
    throw new SottoError("invalidArgument", { detail: "an upload is named by the id that pending() told" });
  return id;
}

/** A file's name as it may be kept and sent: well-formed, and no longer than file systems take; `undefined` if there is none. */
export function fittingName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const { value: most } = limits.fileNameBytes;
  let fitting = "";
  let length = 0;
  for (const character of name.toWellFormed()) {
    length += utf8Length(character);
    if (length > most) break;
    fitting += character;
  }
  return fitting === "" ? undefined : fitting;
}

function gone(place: Place): StoreChange {
  return { key: keys.upload(place), value: undefined };
}
