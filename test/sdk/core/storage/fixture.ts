import { SottoError } from "@sotto/protocol";
import type { StoreChange, StoreKeySource } from "../../../../sdk/core/ports.js";
import { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { UnsafeMemoryStore } from "./unsafe-memory-store.js";

/** A key source for tests of other things: it keeps the store key in the open beside a password. */
export function unsafePlaintextKey(password = "password"): StoreKeySource {
  const prefix = new TextEncoder().encode(`${password}\0`);
  return {
    wrap: async (storeKey) => Uint8Array.of(...prefix, ...storeKey),
    async unwrap(wrapped) {
      if (!prefix.every((byte, index) => wrapped[index] === byte)) throw new SottoError("wrongKey");
      return wrapped.slice(prefix.length);
    },
  };
}

/** Opens a sealed store over a raw one in memory. */
export async function openSealed(raw = new UnsafeMemoryStore(), key = unsafePlaintextKey()): Promise<SealedStore> {
  return SealedStore.open({ store: raw, key }, nodePlatform);
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const read = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

/** Every row. */
export const everything = { after: "", before: "\x7f", limit: 1_000, order: "ascending" } as const;

/** One change of a row to a text, or its deletion. */
export function change(name: string, value: string | undefined): StoreChange {
  return value === undefined ? { key: name, value } : { key: name, value: text(value) };
}

/** A gate that holds what passes through it until it is released. */
export class Gate {
  #waiting: (() => void)[] = [];
  #arrivals: (() => void)[] = [];
  #open = false;

  readonly pass = (): Promise<void> => {
    if (this.#open) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      for (const arrived of this.#arrivals.splice(0)) arrived();
    });
  };

  /** Resolves once something waits at the gate. */
  async arrival(): Promise<void> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }

  /** Lets one that waits pass. */
  releaseOne(): void {
    this.#waiting.shift()?.();
  }

  /** Lets everything pass from now on. */
  open(): void {
    this.#open = true;
    for (const release of this.#waiting.splice(0)) release();
  }
}
