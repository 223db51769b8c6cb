/** The tokens that are here, in memory and in rows: what is used, what is kept, what goes. Asks nobody. */

import type { Sign, Token, TokenTerms } from "@sotto/protocol";
import type { DeviceKeys, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** A token to frank with, and the changes that spend it, for the commit that keeps the frank. */
export interface TokenUse {
  readonly token: Token;
  /** By the token's key. */
  readonly sign: Sign;
  /** Whether it was used before: it is the last one of its epoch. */
  readonly isReused: boolean;
  readonly changes: readonly StoreChange[];
}

/** A token as it came, with its private key. */
export interface NewToken extends Omit<Row<"token">, "use"> {
  readonly sign: Sign;
}

/** A token that is here. Of one that an earlier run left, the key is read when it is its turn. */
interface Held {
  readonly row: Row<"token">;
  readonly sign: Sign | undefined;
}

/** Holds them. What changes is for the caller to commit in the same turn. */
export class TokenStock {
  /** By epoch, in the order of use; one that was used stands alone. */
  private readonly held = new Map<number, Held[]>();

  constructor(
    private readonly store: Pick<SealedStore, "list">,
    private readonly deviceKeys: Pick<DeviceKeys, "signer">,
  ) {}

  /** Takes up what an earlier run left. Called once. */
  async load(): Promise<void> {
    for await (const { value } of eachRow(this.store, keys.tokens)) {
      const row = decodeRow("token", value);
      const present = this.of(row.epoch);
      const one = { row, sign: undefined };
      if (row.use === "used") present.push(one);
      else present.unshift(one);
    }
  }

  /** How many of an epoch were not used yet. */
  unused(epoch: number): number {
    return this.of(epoch).filter(({ row }) => row.use === "unused").length;
  }

  /** Whether there is one of this epoch, used or not. */
  has(epoch: number): boolean {
    return this.of(epoch).length > 0;
  }

  /** Takes one of an epoch: it goes, unless it is the last, which is kept and taken again. */
  take(epoch: number): TokenUse | undefined {
    const present = this.of(epoch);
    const [first] = present;
    if (first === undefined) return undefined;
    const { row } = first;
    const { privateKey, use, ...token } = row;
    const sign = first.sign ?? this.deviceKeys.signer(privateKey);
    const isReused = use === "used";
    if (present.length > 1) {
      present.shift();
      return { token, sign, isReused, changes: [gone(row)] };
    }
    const kept: Row<"token"> = { ...row, use: "used" };
    present[0] = { row: kept, sign };
    return { token, sign, isReused, changes: isReused ? [] : [stored(kept)] };
  }

  /** Adds new ones of an epoch. A used one, which was kept for want of others, goes. */
  add(epoch: number, tokens: readonly NewToken[]): readonly StoreChange[] {
    const present = this.of(epoch);
    const fresh = tokens.map(({ sign, ...token }): Held => ({ row: { ...token, use: "unused" }, sign }));
    const spent = present.filter(({ row }) => row.use === "used");
    this.held.set(epoch, [...present.filter(({ row }) => row.use === "unused"), ...fresh]);
    return [...spent.map(({ row }) => gone(row)), ...fresh.map(({ row }) => stored(row))];
  }

  /** Lets go of those of epochs before this one, and of those that count no more. */
  drop(before: number, counts: (token: Token) => boolean): readonly StoreChange[] {
    const changes: StoreChange[] = [];
    for (const [epoch, present] of this.held) {
      const isKept = ({ row }: Held) => epoch >= before && counts(row);
      changes.push(...present.filter((one) => !isKept(one)).map(({ row }) => gone(row)));
      const kept = present.filter(isKept);
      if (kept.length > 0) this.held.set(epoch, kept);
      else this.held.delete(epoch);
    }
    return changes;
  }

  private of(epoch: number): Held[] {
    const present = this.held.get(epoch) ?? [];
    this.held.set(epoch, present);
    return present;
  }
}

function gone({ epoch, publicKey }: TokenTerms): StoreChange {
  return { key: keys.token(epoch, publicKey), value: undefined };
}

function stored(row: Row<"token">): StoreChange {
  return { key: keys.token(row.epoch, row.publicKey), value: encodeRow("token", row) };
}
