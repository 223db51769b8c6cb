import { afterEach, describe, expect, it } from "vitest";
import {
  behave,
  passOn,
  type Rewrite,
  type RunningProxy,
  rewrites,
  startHostileRelay,
  startProxy,
} from "../support/hostile-relay/index.js";
import { closeLinks, isReady, outcomeOf, type WatchedLink, watchLink } from "./hostile-relay-watch.js";

const open: { close(): Promise<void> }[] = [];

/** A well-behaved relay, and a man in the middle who is not. */
async function proxied(rewrite: Rewrite): Promise<RunningProxy> {
  const relay = await startHostileRelay(behave);
  const proxy = await startProxy({ upstream: relay.url, rewrite });
  open.push(proxy, relay);
  return proxy;
}

/** Asks again and again until that many questions were answered; answers the codes of those that were not. */
async function ask(watched: WatchedLink, answers: number): Promise<ReadonlySet<string>> {
  const failures = new Set<string>();
  for (let answered = 0; answered < answers; ) {
    const outcome = await outcomeOf(watched.link.request({ type: "resolve", userId: "bob" }));
    if (outcome === "answered") answered += 1;
    else failures.add(outcome);
  }
  return failures;
}

afterEach(async () => {
  closeLinks();
  await Promise.all(open.splice(0).map((each) => each.close()));
});

describe("a link behind somebody who tampers with messages", { timeout: 60_000 }, () => {
  it("works through a proxy that changes nothing", async () => {
    const proxy = await proxied(passOn);
    const watched = watchLink(proxy.url);
    expect(await ask(watched, 50)).toEqual(new Set());
    expect(proxy.connections).toBe(1);
  });

  it.each<[string, Rewrite]>([
    ["loses", rewrites.dropping({ seed: 1, share: 0.1, sparing: 1 })],
    ["repeats", rewrites.duplicating({ seed: 2, share: 0.1, sparing: 2, direction: "toClient" })],
    ["reorders", rewrites.swappingNeighbours({ seed: 3, share: 0.1, sparing: 2, direction: "toClient" })],
    ["truncates", rewrites.truncating({ seed: 4, share: 0.1, sparing: 1, direction: "toClient" })],
    ["delays", rewrites.delaying({ seed: 5, share: 0.1, delayMs: 20 })],
    ["cuts the connection instead of", rewrites.cutting({ seed: 6, share: 0.1 })],
  ])("keeps working towards its answers while he %s messages", async (_, rewrite) => {
    const proxy = await proxied(rewrite);
    const watched = watchLink(proxy.url);
    const failures = await ask(watched, 20);
    for (const code of failures) expect(["offline", "timeout"]).toContain(code);
    proxy.become(passOn);
    proxy.cutAll();
    await watched.until(({ link }) => link.state !== "ready");
    await watched.until(isReady);
    expect(await ask(watched, 20)).toEqual(new Set());
  });

  it("never takes a damaged message for a whole connection's end: bits flip and it goes on", async () => {
    const proxy = await proxied(rewrites.flippingBits({ seed: 7, share: 0.2, sparing: 2, direction: "toClient" }));
    const watched = watchLink(proxy.url);
    await ask(watched, 20);
    expect(watched.link.violations).toBeGreaterThan(0);
    expect(watched.losses().every((code) => code === "badRelay" || code === "timeout" || code === "offline")).toBe(
      true,
    );
    expect(watched.link.state).not.toBe("ended");
  });

  it("stands a man who repeats every message, by leaving and coming back", async () => {
    const proxy = await proxied(({ bytes, index, direction }) =>
      direction === "toClient" && index > 1 ? [bytes, bytes] : [bytes],
    );
    const watched = watchLink(proxy.url);
    await ask(watched, 3);
    await watched.until(({ losses }) => losses().includes("badRelay"));
    expect(watched.link.state).not.toBe("ended");
  });
});
