/** What is at hand signs at once: keys are read away from the sending, and once. */

import { toHex } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { type NewToken, TokenStock } from "../../../../sdk/core/franking/token-stock.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { openSealed } from "../storage/fixture.js";

const { deviceKeys } = nodePlatform;
const EPOCH = 20_000;
const message = Uint8Array.of(7);

let store: SealedStore;
/** Keys that were read. */
let reads: string[];
beforeEach(async () => {
  store = await openSealed();
  reads = [];
});

const counted = {
  signer(privateKey: Uint8Array) {
    reads.push(toHex(privateKey));
    return deviceKeys.signer(privateKey);
  },
};

async function stockOf(count: number): Promise<TokenStock> {
  const stock = new TokenStock(store, counted);
  const tokens = Array.from({ length: count }, (): NewToken => {
    const rest = { epoch: EPOCH, accountTag: new Uint8Array(32), signature: new Uint8Array(64) };
    return { ...deviceKeys.generate(), ...rest };
  });
  await store.commit(stock.add(EPOCH, tokens));
  return stock;
}

/** Takes one, and checks what it signs. */
function taken(stock: TokenStock): string {
  const use = stock.take(EPOCH);
  if (use === undefined) throw new Error("there is none");
  expect(deviceKeys.verify(use.token.publicKey, message, use.sign(message))).toBe(true);
  return toHex(use.token.publicKey);
}

describe("tokens at hand", () => {
  it("sign by their own keys, and none is read for that", async () => {
    const stock = await stockOf(4);
    expect(new Set(Array.from({ length: 4 }, () => taken(stock))).size).toBe(4);
    expect(reads).toEqual([]);
  });

  it("of an earlier run are each read when it is their turn, and the last one once", async () => {
    await stockOf(3);
    const next = new TokenStock(store, counted);
    await next.load();
    expect(reads).toEqual([]);
    const used = Array.from({ length: 5 }, () => taken(next));
    expect(new Set(used).size).toBe(3);
    expect(new Set(reads).size).toBe(3);
    expect(reads).toHaveLength(3);
  });
});
