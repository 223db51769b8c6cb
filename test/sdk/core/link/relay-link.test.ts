import { failures, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import {
  account,
  anonymousWelcome,
  challenge,
  codeOf,
  delivery,
  device,
  type Fixture,
  greet,
  linkFixture,
  readyLink,
} from "./fixture.js";
import { settled } from "./manual-clock.js";

const names = ({ states }: Fixture) => states.map(({ state }) => state);
const lastReason = ({ states }: Fixture) => states.at(-1)?.reason?.code;

describe("a link to the relay", () => {
  it("dials, proves the device, and is ready", async () => {
    const fixture = await readyLink();
    expect(fixture.socket.url).toBe("wss://dm.example.com/v1");
    expect(fixture.socket.sent).toMatchObject([{ type: "authenticate", version: 1, account, device }]);
    expect(names(fixture)).toEqual(["connecting", "ready"]);
    expect(fixture.welcomes).toMatchObject([{ keyDigest: new Uint8Array(32) }]);
  });

  it("greets namelessly when it is anonymous, and refuses requests that need a device", async () => {
    const { link, socket } = await readyLink({ greeting: { kind: "anonymous" } });
    expect(socket.sent).toEqual([{ type: "anonymous", version: 1 }]);
    expect(link.state).toBe("ready");
    expect(await codeOf(link.request({ type: "resolve", userId: "bob" }))).toBe("notAuthenticated");
    socket.say({ type: "queueEmpty" });
    expect(link.state).toBe("waiting");
    expect(link.violations).toBe(1);
  });

  it("starts once", () => {
    const { link, dial } = linkFixture();
    link.start();
    link.start();
    expect(dial.sockets).toHaveLength(1);
  });

  it("waits for readiness with a request, and answers it", async () => {
    const fixture = linkFixture();
    const answer = fixture.link.request({ type: "ping" });
    fixture.link.start();
    const socket = await greet(fixture);
    socket.say({ type: "pong", id: 1, serverTimeMs: 5 });
    expect((await answer).serverTimeMs).toBe(5);
  });

  it("comes back after every loss, for ever, with growing and bounded waits", async () => {
    const fixture = linkFixture();
    fixture.link.start();
    for (let round = 1; round <= 100; round++) {
      expect(fixture.dial.sockets).toHaveLength(round);
      fixture.dial.last.drop(1006);
      expect(fixture.link.state).toBe("waiting");
      await fixture.clock.advance(249);
      expect(fixture.dial.sockets).toHaveLength(round);
      // Half the luck makes half the wait: well above the shortest from here on, never above the longest.
      await fixture.clock.advance(Math.min(29_751, 2 ** round * 500));
    }
    await greet(fixture);
    expect(fixture.link.state).toBe("ready");
  });

  it("forgets past failures once a connection proved sound", async () => {
    const fixture = linkFixture();
    fixture.link.start();
    for (let round = 0; round < 10; round++) {
      fixture.dial.last.drop(1006);
      await fixture.clock.advance(30_000);
    }
    const socket = await greet(fixture);
    await fixture.clock.advance(30_000);
    socket.drop(1006);
    const dialled = fixture.dial.sockets.length;
    await fixture.clock.advance(1_000);
    expect(fixture.dial.sockets).toHaveLength(dialled + 1);
  });

  it("keeps its distance from a relay that greets and closes again and again", async () => {
    const fixture = linkFixture();
    fixture.link.start();
    for (let round = 0; round < 10; round++) {
      (await greet(fixture)).drop(1006);
      await fixture.clock.advance(30_000);
    }
    (await greet(fixture)).drop(1006);
    const dialled = fixture.dial.sockets.length;
    await fixture.clock.advance(10_000);
    expect(fixture.dial.sockets).toHaveLength(dialled);
  });

  it("waits as long as a refusal asks", async () => {
    const fixture = linkFixture();
    fixture.link.start();
    fixture.dial.last.open();
    fixture.dial.last.say({ type: "refused", failure: failures.busy.wire, retryAfterMs: 60_000, devices: [] });
    expect(lastReason(fixture)).toBe("busy");
    await fixture.clock.advance(59_999);
    expect(fixture.dial.sockets).toHaveLength(1);
    await fixture.clock.advance(15_001);
    expect(fixture.dial.sockets).toHaveLength(2);
  });

  it.each([
    [4403, "badCredentials"],
    [4409, "displaced"],
  ])("ends for good when it is closed with %d", async (code, reason) => {
    const fixture = await readyLink();
    const request = codeOf(fixture.link.request({ type: "ping" }));
    fixture.socket.drop(code);
    expect(fixture.link.state).toBe("ended");
    expect(lastReason(fixture)).toBe(reason);
    expect(await request).toBe("offline");
    expect(await codeOf(fixture.link.request({ type: "ping" }))).toBe(reason);
    await fixture.clock.advance(600_000);
    expect(fixture.dial.sockets).toHaveLength(1);
    expect(fixture.clock.planned).toBe(0);
  });

  it.each(["badCredentials", "unsupportedVersion", "displaced"] as const)("ends when refused with %s", async (code) => {
    const fixture = linkFixture();
    fixture.link.start();
    fixture.dial.last.open();
    fixture.dial.last.say(challenge);
    await settled();
    fixture.dial.last.say({ type: "refused", failure: failures[code].wire, devices: [] });
    fixture.dial.last.drop(4401);
    expect(fixture.link.state).toBe("ended");
    expect(lastReason(fixture)).toBe(code);
  });

  it("greets anew when a live connection is closed with 4401", async () => {
    const fixture = await readyLink();
    fixture.socket.drop(4401);
    await fixture.clock.advance(1_000);
    expect((await greet(fixture)).sent).toMatchObject([{ type: "authenticate" }]);
    expect(fixture.link.state).toBe("ready");
  });

  it("says that the root is wrong, proves nothing to it, and recovers when the right relay is back", async () => {
    let isRight = false;
    const fixture = linkFixture({
      checkRoot: () => {
        if (!isRight) throw new SottoError("wrongRoot");
      },
    });
    fixture.link.start();
    const first = await greet(fixture);
    expect(first.sent).toEqual([]);
    expect([fixture.link.state, lastReason(fixture)]).toEqual(["waiting", "wrongRoot"]);
    await fixture.clock.advance(14_999);
    expect(fixture.dial.sockets).toHaveLength(1);
    isRight = true;
    await fixture.clock.advance(15_001);
    await greet(fixture);
    expect(fixture.link.state).toBe("ready");
  });

  it("ends when the app must name a root first", async () => {
    const fixture = linkFixture({ checkRoot: () => Promise.reject(new SottoError("rootRequired")) });
    fixture.link.start();
    await greet(fixture);
    expect([fixture.link.state, lastReason(fixture)]).toEqual(["ended", "rootRequired"]);
  });

  it("gives up a relay that does not speak, and one whose root is judged for too long", async () => {
    const silent = linkFixture();
    silent.link.start();
    silent.dial.last.open();
    await silent.clock.advance(15_000);
    expect([silent.link.state, lastReason(silent)]).toEqual(["waiting", "timeout"]);

    const stuck = linkFixture({ checkRoot: () => new Promise(() => undefined) });
    stuck.link.start();
    await greet({ ...stuck });
    expect(stuck.link.violations).toBe(1); // a welcome before our proof
    await stuck.clock.advance(1_000);
    stuck.dial.last.open();
    stuck.dial.last.say(challenge);
    await stuck.clock.advance(15_000);
    expect(lastReason(stuck)).toBe("timeout");
  });

  it("rejects what waits when it is closed, and stays closed", async () => {
    const fixture = await readyLink();
    const sent = codeOf(fixture.link.request({ type: "ping" }));
    fixture.link.close();
    fixture.link.close();
    fixture.link.start();
    expect(await sent).toBe("offline");
    expect(await codeOf(fixture.link.request({ type: "ping" }))).toBe("closed");
    expect(names(fixture)).toEqual(["connecting", "ready", "ended"]);
    expect(fixture.socket.closedWith).toBe(1000);
    expect(fixture.clock.planned).toBe(0);

    const unready = linkFixture();
    unready.link.start();
    unready.dial.last.drop(1006);
    const waiting = codeOf(unready.link.request({ type: "ping" }));
    unready.link.close();
    expect(await waiting).toBe("closed");
    await unready.clock.advance(600_000);
    expect(unready.dial.sockets).toHaveLength(1);
  });

  it("can be closed from every callback", async () => {
    for (const at of ["onState", "onReady", "onPush"] as const) {
      const fixture: Fixture = linkFixture({ [at]: () => fixture.link.close() });
      fixture.link.start();
      if (fixture.dial.sockets.length > 0) (await greet(fixture)).say(delivery(1));
      expect(fixture.link.state).toBe("ended");
      expect(fixture.clock.planned).toBe(0);
    }
  });

  it("outlives callbacks that throw, and says so in the log", async () => {
    const fixture = await readyLink({
      onPush: () => {
        throw new Error("a bug of the caller");
      },
    });
    fixture.socket.say(delivery(1), delivery(2));
    expect(fixture.link.state).toBe("ready");
    expect(fixture.logs.filter(({ level }) => level === "error")).toHaveLength(2);
  });

  it("outlives a dial that throws, and one that fails at once", async () => {
    let round = 0;
    const fixture = linkFixture();
    const outlived = linkFixture({
      clock: fixture.clock,
      dial: (url, events) => {
        round += 1;
        if (round === 1) throw new Error("no sockets here");
        const socket = fixture.dial.dial(url, events);
        if (round === 2) events.closed(1006);
        return socket;
      },
    });
    outlived.link.start();
    expect(outlived.link.state).toBe("waiting");
    await fixture.clock.advance(1_000);
    expect([round, outlived.link.state]).toEqual([2, "waiting"]);
    expect(fixture.dial.last.closedWith).toBe(1000);
    await fixture.clock.advance(2_000);
    await greet(fixture);
    expect(outlived.link.state).toBe("ready");
  });

  it("passes on what a platform says about an address it cannot dial", () => {
    const fixture = linkFixture({
      dial: () => {
        throw new SottoError("invalidArgument");
      },
    });
    fixture.link.start();
    expect([fixture.link.state, lastReason(fixture)]).toEqual(["waiting", "invalidArgument"]);
  });

  it("takes a welcome that names nobody for nonsense on a device's connection", async () => {
    const fixture = linkFixture();
    fixture.link.start();
    await greet(fixture, anonymousWelcome);
    expect(fixture.link.violations).toBe(1);
  });
});
