/** The rows used last, opened: a session or a peer is read several times for every message. */

/** What a cached row weighs beside its bytes, roughly: key, entry, array. */
const ENTRY_BYTES = 200;

/**
 * A cache of values by key, absent ones included, bounded by bytes; the one used longest ago goes first.
 *
 * Holds plaintext, as the rest of the process does; `clear` lets go of it.
 */
export class RowCache {
  readonly #rows = new Map<string, { readonly value: Uint8Array | undefined }>();
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** The cached answer for a key; `undefined` if nothing is known of it. */
  find(key: string): { readonly value: Uint8Array | undefined } | undefined {
    const found = this.#rows.get(key);
    if (found === undefined) return undefined;
    this.#rows.delete(key);
    this.#rows.set(key, found);
    return found;
  }

  /** Remembers the value of a key, or that it has none. */
  set(key: string, value: Uint8Array | undefined): void {
    this.#forget(key);
    this.#rows.set(key, { value });
    this.#bytes += weight(key, value);
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= this.maxBytes) return;
      this.#forget(oldest);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#rows.clear();
    this.#bytes = 0;
  }

  /** Bytes held, as they are counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  #forget(key: string): void {
    const found = this.#rows.get(key);
    if (found === undefined) return;
    this.#rows.delete(key);
    this.#bytes -= weight(key, found.value);
  }
}

function weight(key: string, value: Uint8Array | undefined): number {
  return ENTRY_BYTES + key.length + (value?.length ?? 0);
}
