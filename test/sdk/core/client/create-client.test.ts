import { beforeAll, describe, expect, it } from "vitest";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { createClient } from "../../../../sdk/core/client/create-client.js";
import type { ClientOptions } from "../../../../sdk/core/options.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { freePort } from "../../../support/free-port.js";
import { codeOf } from "../link/fixture.js";
import { unsafePlaintextKey } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

let nobodyListens: string;
beforeAll(async () => {
  nobodyListens = `http://localhost:${await freePort()}`;
});

const optionsFor = (store: UnsafeMemoryStore, over: Partial<ClientOptions> = {}): ClientOptions => ({
  relay: nobodyListens,
  userId: "alice",
  store: { store, key: unsafePlaintextKey() },
  ...over,
});

/** The rows as text, to compare. */
const picture = (store: UnsafeMemoryStore) => [...store.rows].map(([key, value]) => `${key} ${value.join()}`).sort();

describe("createClient that cannot", () => {
  it("reach a relay says so, closes the store, and goes on with the same keys the next time", async () => {
    const store = new UnsafeMemoryStore();
    expect(await codeOf(createClient(nodePlatform, optionsFor(store)))).toBe("offline");
    expect(store.isOpen).toBe(false);
    const before = picture(store);
    expect(await codeOf(createClient(nodePlatform, optionsFor(store)))).toBe("offline");
    expect(picture(store)).toEqual(before);
  });

  it("unlock the store, or use what it was told, changes nothing and leaves the store closed", async () => {
    const store = new UnsafeMemoryStore();
    await codeOf(createClient(nodePlatform, optionsFor(store)));
    const before = picture(store);
    const key = unsafePlaintextKey("another password");
    const wrong: readonly [string, Partial<ClientOptions>][] = [
      ["wrongKey", { store: { store, key } }],
      ["invalidArgument", { relayRoot: "sha256:nonsense" }],
    ];
    for (const [code, over] of wrong) {
      expect(await codeOf(createClient(nodePlatform, optionsFor(store, over)))).toBe(code);
      expect(store.isOpen).toBe(false);
    }
    expect(picture(store)).toEqual(before);
  });

  it("get a token closes the store with the app's own error", async () => {
    const store = new UnsafeMemoryStore();
    const auth = () => Promise.reject(new Error("the host is down"));
    const creating = createClient(nodePlatform, optionsFor(store, { auth }));
    await expect(creating).rejects.toThrow("the host is down");
    expect(store.isOpen).toBe(false);
    const silent = optionsFor(store, { auth: async () => "" });
    expect(await codeOf(createClient(nodePlatform, silent))).toBe("badToken");
  });

  it("go on because its signal aborted stops, before and while it registers", async () => {
    const store = new UnsafeMemoryStore();
    const before = new Cancellation();
    before.abort();
    expect(await codeOf(createClient(nodePlatform, optionsFor(store, { signal: before })))).toBe("aborted");
    expect(store.rows.size).toBe(0);
    const during = new Cancellation();
    const auth = async () => {
      during.abort();
      return "token";
    };
    expect(await codeOf(createClient(nodePlatform, optionsFor(store, { auth, signal: during })))).toBe("aborted");
    expect(store.isOpen).toBe(false);
  });
});
