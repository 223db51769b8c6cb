import { SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Certificates } from "../../../../sdk/core/account/certificates.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { settled } from "../link/manual-clock.js";
import { openSealed } from "../storage/fixture.js";

const HOUR_MS = 3_600_000;

async function fixture(store?: SealedStore, start = 1_000_000) {
  const sealed = store ?? (await openSealed());
  const relay = { nowMs: start, asked: 0, refusal: undefined as SottoError | undefined, lifeMs: 24 * HOUR_MS };
  const certificates = new Certificates(sealed, {
    nowMs: () => relay.nowMs,
    device: {
      request: async (): Promise<never> => {
        relay.asked += 1;
        await settled();
        if (relay.refusal !== undefined) throw relay.refusal;
        const answer = { certificate: Uint8Array.of(relay.asked), expiresMs: relay.nowMs + relay.lifeMs };
        return answer as never;
      },
    },
  });
  const quiet = async () => {
    for (let turn = 0; turn < 10; turn++) await settled();
  };
  return { store: sealed, relay, certificates, quiet };
}

describe("the sender certificate", () => {
  it("is asked for once by all who need it", async () => {
    const { certificates, relay } = await fixture();
    const all = await Promise.all(Array.from({ length: 20 }, () => certificates.current()));
    expect(relay.asked).toBe(1);
    expect(new Set(all.map(String))).toEqual(new Set(["1"]));
  });

  it("is renewed behind the scenes at half its life, and not before", async () => {
    const { certificates, relay, quiet } = await fixture();
    await certificates.current();
    relay.nowMs += 12 * HOUR_MS - 1;
    await certificates.current();
    await quiet();
    expect(relay.asked).toBe(1);
    relay.nowMs += 2;
    expect(await certificates.current()).toEqual(Uint8Array.of(1));
    await quiet();
    expect(await certificates.current()).toEqual(Uint8Array.of(2));
    expect(relay.asked).toBe(2);
  });

  it("is not used in its last ten minutes", async () => {
    const { certificates, relay } = await fixture();
    await certificates.current();
    relay.nowMs += 24 * HOUR_MS - 10 * 60_000;
    expect(await certificates.current()).toEqual(Uint8Array.of(2));
  });

  it("serves on while the relay refuses another, which is asked for once a minute and not with every message", async () => {
    const { certificates, relay, quiet } = await fixture();
    await certificates.current();
    relay.nowMs += 13 * HOUR_MS;
    relay.refusal = new SottoError("tooManyRequests");
    for (let message = 0; message < 50; message++) {
      expect(await certificates.current()).toEqual(Uint8Array.of(1));
      await quiet();
    }
    expect(relay.asked).toBe(2);
    relay.nowMs += 61_000;
    await certificates.current();
    await quiet();
    expect(relay.asked).toBe(3);
  });

  it("of an earlier run is used by the next", async () => {
    const first = await fixture();
    await first.certificates.current();
    const second = await fixture(first.store, first.relay.nowMs + HOUR_MS);
    second.relay.refusal = new SottoError("offline");
    expect(await second.certificates.current()).toEqual(Uint8Array.of(1));
    await second.quiet();
  });

  it("that did not serve is replaced", async () => {
    const { certificates } = await fixture();
    await certificates.current();
    certificates.doubt();
    expect(await certificates.current()).toEqual(Uint8Array.of(2));
  });

  it("that cannot be had is the caller's failure", async () => {
    const { certificates, relay } = await fixture();
    relay.refusal = new SottoError("offline");
    await expect(certificates.current()).rejects.toThrow(/offline/);
  });
});
