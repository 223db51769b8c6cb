import { type AddressInfo, createServer, type Server } from "node:net";
import { type FailureCode, SottoError } from "@sotto/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { registerDevice } from "../../sdk/core/link/register.js";
import { systemClock } from "../../sdk/node/clock.js";
import { dial } from "../../sdk/node/socket.js";
import {
  behave,
  behaviours,
  type HostileRelay,
  type Script,
  someAccount,
  startHostileRelay,
} from "../support/hostile-relay/index.js";
import { closeLinks, isReady, outcomeOf, type WatchedLink, watchLink } from "./hostile-relay-watch.js";

const relays: HostileRelay[] = [];

async function hostile(script: Script): Promise<HostileRelay> {
  const relay = await startHostileRelay(script);
  relays.push(relay);
  return relay;
}

/** The relay behaves again: the link comes back by itself and works. */
async function expectRecovery(relay: HostileRelay, watched: WatchedLink): Promise<void> {
  relay.become(behave);
  for (;;) {
    await watched.until(isReady);
    // The connection that just became ready may be one the relay was about to cut.
    const answer = await watched.link.request({ type: "resolve", userId: "bob" }).catch((error: unknown) => error);
    if (answer instanceof SottoError) expect(answer.retryable).toBe(true);
    else {
      expect(answer).toMatchObject({ type: "resolved", account: someAccount });
      return;
    }
  }
}

afterEach(async () => {
  closeLinks();
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
});

describe("a link to a relay that misbehaves", { timeout: 60_000 }, () => {
  it.each<[string, Script, FailureCode]>([
    ["sends random bytes", behaviours.randomBytes, "badRelay"],
    ["sends a frame of an unknown tag", behaviours.unknownTag, "badRelay"],
    ["sends msgpack that is no frame", behaviours.msgpackMap, "badRelay"],
    ["sends text", behaviours.text, "badRelay"],
    // The socket itself refuses these three; the link hears an abnormal closure (1006), in Node as in browsers.
    ["breaks the framing of WebSocket", behaviours.brokenFraming, "offline"],
    ["sends a message above the limit", behaviours.hugeFrame, "offline"],
    ["announces a message of a petabyte", behaviours.announcedHugeFrame, "offline"],
    ["presents another root", behaviours.wrongRoot, "wrongRoot"],
    ["cuts the connection inside a frame", behaviours.cutInsideFrame, "offline"],
    ["accepts and says nothing", behaviours.stall, "timeout"],
    ["drips its challenge byte by byte", behaviours.slowDrip, "timeout"],
    ["goes silent after its welcome", behaviours.stallAfterWelcome, "timeout"],
    ["delivers live mail with a hole", behaviours.gap, "badRelay"],
    ["delivers the same mail again", behaviours.regressingCursor, "badRelay"],
    ["ends its backlog a thousand times", behaviours.queueEmptyFlood, "badRelay"],
  ])("survives one that %s, says so, and works when it behaves again", async (_, script, code) => {
    const relay = await hostile(script);
    const watched = watchLink(relay.url);
    await watched.until(({ losses }) => losses().length > 0);
    expect(new Set(watched.losses())).toEqual(new Set([code]));
    expect(watched.link.violations > 0).toBe(code === "badRelay");
    await expectRecovery(relay, watched);
  });

  it("ends when the relay speaks another version, and says so", async () => {
    const relay = await hostile(behaviours.wrongVersion);
    const watched = watchLink(relay.url);
    await watched.until(({ link }) => link.state === "ended");
    expect(watched.losses()).toEqual(["unsupportedVersion"]);
    expect(await outcomeOf(watched.link.request({ type: "ping" }))).toBe("unsupportedVersion");
    expect(relay.connections).toBe(1);
  });

  it("does not take the answer of one request for that of another", async () => {
    const relay = await hostile(behaviours.swappedIds);
    const watched = watchLink(relay.url);
    await watched.until(isReady);
    const outcomes = [
      outcomeOf(watched.link.request({ type: "resolve", userId: "bob" })),
      outcomeOf(watched.link.request({ type: "fetchCertificate" })),
    ];
    expect(await Promise.all(outcomes)).toEqual(["offline", "offline"]);
    expect(watched.losses()).toEqual(["badRelay"]);
    await expectRecovery(relay, watched);
  });

  it("takes the first of two answers and drops the relay for the second", async () => {
    const relay = await hostile(behaviours.duplicateAnswers);
    const watched = watchLink(relay.url);
    await watched.until(isReady);
    expect(await outcomeOf(watched.link.request({ type: "ping" }))).toBe("answered");
    await watched.until(({ losses }) => losses().includes("badRelay"));
    await expectRecovery(relay, watched);
  });

  it("rejects requests that are never answered, and leaves such a relay in the end", async () => {
    const relay = await hostile(behaviours.answersHeartbeatsOnly);
    const watched = watchLink(relay.url);
    await watched.until(isReady);
    const outcomes = Array.from({ length: 100 }, () =>
      outcomeOf(watched.link.request({ type: "resolve", userId: "x" })),
    );
    const seen = new Set(await Promise.all(outcomes));
    expect(seen.has("timeout")).toBe(true);
    expect([...seen].every((code) => code === "timeout" || code === "offline")).toBe(true);
    await watched.until(({ losses }) => losses().includes("timeout"));
    await expectRecovery(relay, watched);
  });

  it("takes no more mail than may be in flight, however much is sent", async () => {
    const relay = await hostile(behaviours.mailFlood);
    const watched = watchLink(relay.url);
    await watched.until(({ losses }) => losses().length > 0);
    expect(watched.losses()).toEqual(["badRelay"]);
    expect(watched.pushes.get("deliver")).toBe(128);
    await expectRecovery(relay, watched);
  });

  it("keeps nothing of a flood of frames that are each allowed", async () => {
    const count = 3_000; // 281 MiB
    const relay = await hostile(behaviours.ephemeralFlood(count));
    const before = process.memoryUsage();
    let peakBytes = 0;
    const watched: WatchedLink = watchLink(relay.url);
    await watched.until(({ pushes }) => {
      if ((pushes.get("deliver") ?? 0) % 100 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
      return pushes.has("queueEmpty");
    });
    expect(watched.pushes.get("deliver")).toBe(count);
    expect(peakBytes - before.arrayBuffers).toBeLessThan(128 * 1_048_576);
    expect(await outcomeOf(watched.link.request({ type: "ping" }))).toBe("answered");
  });

  it("bounds what waits for a relay that never comes", async () => {
    const relay = await hostile(behaviours.stall);
    const watched = watchLink(relay.url);
    const outcomes = Array.from({ length: 2_000 }, () => outcomeOf(watched.link.request({ type: "ping" })));
    const seen = await Promise.all(outcomes);
    expect(seen.filter((code) => code === "tooManyRequests")).toHaveLength(2_000 - 1_024);
    expect(seen.filter((code) => code === "offline")).toHaveLength(1_024);
    await expectRecovery(relay, watched);
  });

  it("survives something that is no WebSocket server at all, and nobody listening", async () => {
    const server = createServer((tcp) =>
      tcp
        .on("error", () => undefined)
        .resume()
        .end("220 mail.example.com ready\r\n"),
    );
    const url = await listening(server);
    const watched = watchLink(url);
    await watched.until(({ losses }) => losses().length >= 2);
    await new Promise((resolve) => server.close(resolve));
    const before = watched.losses().length;
    await watched.until(({ losses }) => losses().length >= before + 2);
    expect(new Set(watched.losses())).toEqual(new Set(["offline"]));
  });

  it.each<[string, Script, FailureCode]>([
    ["random bytes", behaviours.randomBytes, "badRelay"],
    ["another root", behaviours.wrongRoot, "wrongRoot"],
    ["a frame that ends in the middle", behaviours.cutInsideFrame, "offline"],
  ])("makes no registration of %s", async (_, script, code) => {
    const relay = await hostile(script);
    let isBuilt = false;
    const registration = registerDevice(
      {
        url: relay.url,
        dial,
        clock: systemClock,
        checkRoot: () => {
          throw new SottoError("wrongRoot");
        },
      },
      () => {
        isBuilt = true;
        return Promise.reject(new SottoError("closed"));
      },
    );
    expect(await outcomeOf(registration)).toBe(code);
    expect(isBuilt).toBe(false);
  });
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
