/**
 * The registers of this account as this device holds them: what it changes is told to the other devices from the same
 * commit on, and what they change is taken in.
 */

import {
  compareRegisters,
  decodeRegisterValue,
  encodeRegisterValue,
  isFitRegister,
  type Register,
  type RegisterKind,
  type RegisterValue,
  registerScope,
  registerTable,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Plan } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { isForgotten } from "./merge.js";
import type { RegisterOrders } from "./register-orders.js";
import { wordMs } from "./register-time.js";
import { isSameValue, readScope, Scope } from "./scope.js";

/** What registers work with. */
export interface RegistersParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly orders: Pick<RegisterOrders, "tell">;
  /** The relay's clock. */
  nowMs(): number;
  /** Another device changed something of this kind, of this conversation if it is about one; durable. */
  noted(kind: RegisterKind, conversation: string): void;
  failed(error: unknown): void;
}

/** One register with a value. */
export interface Held<Kind extends RegisterKind> {
  readonly key: string;
  readonly value: RegisterValue<Kind>;
}

/** What a register is to be; without a value it is emptied. */
export type Wish = {
  readonly [Kind in RegisterKind]: {
    readonly kind: Kind;
    readonly key: string;
    readonly value: RegisterValue<Kind> | undefined;
  };
}[RegisterKind];

/** Taken after the own account's lock, never before; nothing else is taken under it. */
const LOCK = "registers";
/** Emptied ones are forgotten this often, beginning shortly after the start. */
const PURGE_EVERY_MS = 24 * 3_600_000;
const FIRST_PURGE_MS = 60_000;

/** Holds them. */
export class Registers {
  private readonly rounds: Rounds;

  constructor(private readonly parts: RegistersParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: PURGE_EVERY_MS, work: () => this.purge(), failed });
    this.rounds.wake(FIRST_PURGE_MS);
  }

  /** The value of a register; `undefined` if it has none. */
  async get<Kind extends RegisterKind>(kind: Kind, key: string): Promise<RegisterValue<Kind> | undefined> {
    const value = (await this.register(kind, key))?.value;
    return value === undefined ? undefined : decodeRegisterValue(kind, value);
  }

  /** Whether a register was emptied, as far as this device remembers. */
  async isEmptied(kind: RegisterKind, key: string): Promise<boolean> {
    const register = await this.register(kind, key);
    return register !== undefined && register.value === undefined;
  }

  /**
   * Every register with a value, in the order of their words: of a conversation, or where the kind is about none, of the
   * account.
   */
  async list<Kind extends RegisterKind>(kind: Kind, conversation = ""): Promise<readonly Held<Kind>[]> {
    const registers = await readScope(this.parts.store, kind, conversation);
    return [...registers]
      .sort((one, other) => compareRegisters(one, other) || (one.key < other.key ? -1 : 1))
      .flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value: decodeRegisterValue(kind, value) }]));
  }

  /**
   * Changes registers. `decide` reads what it needs and answers what they are to be, one after the other; nothing else
   * changes meanwhile. What is so already stays as it is. Resolves once it is durable.
   *
   * @throws invalidArgument for a value out of bounds, or if there are as many of a kind as there may be; outboxFull.
   */
  async change(decide: () => Promise<readonly Wish[]>): Promise<void> {
    const { store, locks, orders } = this.parts;
    const { durable, sent } = await locks.run(LOCK, async () => {
      const scopes = new Scopes(store);
      const words: Register[] = [];
      for (const wish of await decide()) {
        const scope = await scopes.of(wish);
        const word = this.word(wish, scope.registers);
        if (word === undefined) continue;
        scope.hear([word], this.parts.nowMs());
        words.push(word);
      }
      const told = await orders.tell(words);
      return { durable: store.commit([...scopes.changes(), ...told.changes]), sent: told.sent };
    });
    await durable;
    sent();
  }

  /**
   * Takes in what another device of this account says. What is not in the form of its kind is left out. `commit` runs with
   * the registers locked, inside the own account's lock, and commits the plan with what belongs to it.
   */
  async merge<T>(words: readonly Register[], commit: (plan: Plan) => T | Promise<T>): Promise<T> {
    const { store, locks, noted, nowMs } = this.parts;
    return locks.run(LOCK, async () => {
      const scopes = new Scopes(store);
      const heard = new Map<Scope, Register[]>();
      for (const word of words.filter(isFitRegister)) {
        const scope = await scopes.of(word);
        heard.set(scope, [...(heard.get(scope) ?? []), word]);
      }
      for (const [scope, said] of heard) scope.hear(said, nowMs());
      const seen = scopes.all.filter(({ isSeen }) => isSeen);
      return commit({
        build: () => scopes.changes(),
        after: seen.map(
          ({ kind, conversation }) =>
            () =>
              noted(kind, conversation),
        ),
      });
    });
  }

  /** Deletes those that were emptied long ago. */
  async purge(): Promise<void> {
    const { store, locks } = this.parts;
    await locks.run(LOCK, async () => {
      const nowMs = this.parts.nowMs();
      const forgotten: StoreChange[] = [];
      for await (const { key, value } of eachRow(store, keys.registers)) {
        if (isForgotten(decodeRow("register", value), nowMs)) forgotten.push({ key, value: undefined });
      }
      await store.commit(forgotten);
    });
    this.rounds.wake();
  }

  /** Stops. Idempotent. */
  close(): void {
    this.rounds.close();
  }

  private async register(kind: RegisterKind, key: string): Promise<Register | undefined> {
    const { store } = this.parts;
    const stored = await store.get(keys.register(store, { kind, key }));
    return stored === undefined ? undefined : decodeRow("register", stored);
  }

  private word(wish: Wish, held: readonly Register[]): Register | undefined {
    const { kind, key } = wish;
    const before = held.find((register) => register.key === key);
    const value = wish.value === undefined ? undefined : encodeRegisterValue(kind, wish.value);
    if (isSameValue(before?.value, value)) return undefined;
    const { most } = registerTable[kind];
    const isNew = before?.value === undefined && value !== undefined;
    if (isNew && held.filter(({ value }) => value !== undefined).length >= most) {
      throw new SottoError("invalidArgument", { detail: `there are at most ${most} of this kind` });
    }
    const atMs = wordMs(this.parts.nowMs(), before, held);
    const word: Register = { kind, key, atMs, device: this.parts.account.device, value };
    if (!isFitRegister(word)) throw new SottoError("invalidArgument", { detail: "an id is 32 lower-case hex digits" });
    // Only a device that counts to the end of time on purpose leaves no later word.
    if (before !== undefined && compareRegisters(word, before) <= 0) {
      throw new SottoError("invalidArgument", { detail: "another device has said the last word on this" });
    }
    return word;
  }
}

/** The scopes that one change touches, each read once. */
class Scopes {
  private readonly scopes = new Map<string, Scope>();

  constructor(private readonly store: SealedStore) {}

  get all(): readonly Scope[] {
    return [...this.scopes.values()];
  }

  async of(named: Pick<Register, "kind" | "key">): Promise<Scope> {
    const name = `${named.kind}/${registerScope(named)}`;
    const scope = this.scopes.get(name) ?? (await Scope.of(this.store, named));
    this.scopes.set(name, scope);
    return scope;
  }

  changes(): readonly StoreChange[] {
    return this.all.flatMap((scope) => scope.changes());
  }
}
