/** The registers that hold bounds together, while words on them are taken: those of one kind, and one conversation if any. */

import { equalBytes, type Register, type RegisterKind, registerScope, registerTable } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { merged } from "./merge.js";

/** Registers of one kind, of a conversation where the kind is about one, as they are stored. */
export async function readScope(
  store: SealedStore,
  kind: RegisterKind,
  conversation: string,
): Promise<readonly Register[]> {
  const found: Register[] = [];
  for await (const { value } of eachRow(store, keys.registersOf(store, kind, conversation))) {
    found.push(decodeRow("register", value));
  }
  return found;
}

/** One of them, and what it becomes. */
export class Scope {
  private now: ReadonlyMap<string, Register>;

  private constructor(
    private readonly store: SealedStore,
    readonly kind: RegisterKind,
    /** Empty where the kind is about none. */
    readonly conversation: string,
    private readonly before: readonly Register[],
  ) {
    this.now = byKey(before);
  }

  /** Reads the scope of a register. The registers are locked until what it becomes is committed. */
  static async of(store: SealedStore, named: Pick<Register, "kind" | "key">): Promise<Scope> {
    const conversation = registerScope(named);
    return new Scope(store, named.kind, conversation, await readScope(store, named.kind, conversation));
  }

  /** Everything in it, with what was heard so far. */
  get registers(): readonly Register[] {
    return [...this.now.values()];
  }

  /** Takes words in. */
  hear(words: readonly Register[], nowMs: number): void {
    this.now = merged(this.registers, words, { kept: registerTable[this.kind].kept, nowMs });
  }

  /** What has to be stored. */
  changes(): readonly StoreChange[] {
    const { store, before, now } = this;
    const held = new Set(before);
    const put = this.registers.filter((register) => !held.has(register));
    const gone = before.filter(({ key }) => !now.has(key));
    return [
      ...put.map((register) => ({ key: keys.register(store, register), value: encodeRow("register", register) })),
      ...gone.map((register) => ({ key: keys.register(store, register), value: undefined })),
    ];
  }

  /** Whether whoever looks sees a difference: in the values, not in when they were said. */
  get isSeen(): boolean {
    const before = byKey(this.before);
    const names = new Set([...before.keys(), ...this.now.keys()]);
    return [...names].some((key) => !isSameValue(before.get(key)?.value, this.now.get(key)?.value));
  }
}

/** Whether two registers hold the same, or both nothing. */
export function isSameValue(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equalBytes(one, other);
}

function byKey(registers: readonly Register[]): ReadonlyMap<string, Register> {
  return new Map(registers.map((register) => [register.key, register]));
}
