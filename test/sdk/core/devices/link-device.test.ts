import { encodeLinkUri } from "@sotto/protocol";
import { expect, it } from "vitest";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { type LinkOptions, linkDevice } from "../../../../sdk/core/devices/link-device.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { codeOf } from "../link/fixture.js";
import { unsafePlaintextKey } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

const store = new UnsafeMemoryStore();
const options: LinkOptions = {
  userId: "alice",
  store: { store, key: unsafePlaintextKey() },
  confirm: () => true,
};
const uriTo = (relay: string) =>
  encodeLinkUri({
    relay,
    root: new Uint8Array(32),
    link: new Uint8Array(16),
    key: Uint8Array.of(5, 9, ...new Uint8Array(31)),
    secret: new Uint8Array(32),
  });
const uri = uriTo("http://localhost:1");

it("refuses what is no link, or leads where no link may, before it touches the store", async () => {
  const aborted = new Cancellation();
  aborted.abort();
  const wrong: readonly (readonly [string, Partial<LinkOptions>, string])[] = [
    ["https://example.com", {}, "invalidArgument"],
    [uri.slice(0, -2), {}, "invalidArgument"],
    [uri.replace("/1/", "/7/"), {}, "unsupportedVersion"],
    [uriTo("http://dm.example.com"), {}, "invalidArgument"],
    [uriTo("ftp://dm.example.com"), {}, "invalidArgument"],
    [uri, { confirm: undefined as unknown as LinkOptions["confirm"] }, "invalidArgument"],
    [uri, { deviceName: "x".repeat(64) }, "invalidArgument"],
    [uri, { userId: "" }, "invalidArgument"],
    [uri, { signal: aborted }, "aborted"],
  ];
  for (const [link, over, code] of wrong) {
    expect(await codeOf(linkDevice(nodePlatform, link, { ...options, ...over }))).toBe(code);
  }
  expect([store.isOpen, store.rows.size]).toEqual([false, 0]);
});

it("stops when its signal aborts while it waits, and leaves the store closed and without an account", async () => {
  const signal = new Cancellation();
  const linking = codeOf(linkDevice(nodePlatform, uri, { ...options, signal }));
  setImmediate(() => signal.abort());
  expect(await linking).toBe("aborted");
  expect([store.isOpen, [...store.rows.keys()].includes("account")]).toEqual([false, false]);
});
