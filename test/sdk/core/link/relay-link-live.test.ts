import { failures } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { account, challenge, codeOf, delivery, type Fixture, greet, readyLink, welcome } from "./fixture.js";

const lastReason = ({ states }: Fixture) => states.at(-1)?.reason?.code;

describe("a ready link", () => {
  it("passes mail on and acknowledges it, in frames of bounded size", async () => {
    const { link, socket, pushes } = await readyLink();
    socket.say(delivery(4), delivery(6), delivery(0), { type: "queueEmpty" }, delivery(7), { type: "mailboxFull" });
    expect(pushes.map(({ type }) => type)).toEqual([
      "deliver",
      "deliver",
      "deliver",
      "queueEmpty",
      "deliver",
      "mailboxFull",
    ]);
    link.acknowledge(4, [6]);
    expect(socket.sent.at(-1)).toEqual({ type: "acknowledge", upTo: 4, also: [6] });
    const many = Array.from({ length: 130 }, (_, index) => 100 + index);
    link.acknowledge(7, many);
    expect(socket.sent.slice(-2)).toEqual([
      { type: "acknowledge", upTo: 7, also: many.slice(0, 128) },
      { type: "acknowledge", upTo: 7, also: many.slice(128) },
    ]);
  });

  it("takes what was not acknowledged again on the next connection, and the end of its backlog", async () => {
    const fixture = await readyLink();
    fixture.socket.say(delivery(4), delivery(5), { type: "queueEmpty" });
    fixture.socket.drop(1006);
    await fixture.clock.advance(1_000);
    (await greet(fixture)).say(delivery(4), delivery(5), { type: "queueEmpty" }, delivery(6));
    expect(fixture.pushes).toHaveLength(7);
    expect(fixture.link.violations).toBe(0);
  });

  it("drops an acknowledgement silently when it is not ready", async () => {
    const { link, socket } = await readyLink();
    socket.drop(1006);
    link.acknowledge(1, []);
    expect(socket.sent).toHaveLength(1);
  });

  it.each<[string, (fixture: Awaited<ReturnType<typeof readyLink>>) => void]>([
    ["bytes that are no frame", ({ socket }) => socket.sayBytes(Uint8Array.of(0xc1, 1, 2))],
    ["an empty message", ({ socket }) => socket.sayBytes(new Uint8Array(0))],
    ["an answer to no request", ({ socket }) => socket.say({ type: "done", id: 77 })],
    ["a pong to no ping", ({ socket }) => socket.say({ type: "pong", id: 0, serverTimeMs: 1 })],
    ["a second challenge", ({ socket }) => socket.say(challenge)],
    ["a second welcome", ({ socket }) => socket.say(welcome)],
    ["a late refusal", ({ socket }) => socket.say({ type: "refused", failure: 4, devices: [] })],
    ["a cursor twice", ({ socket }) => socket.say(delivery(3), delivery(3))],
    ["a second end of the queue", ({ socket }) => socket.say({ type: "queueEmpty" }, { type: "queueEmpty" })],
    [
      "an answer of the wrong type",
      ({ link, socket }) => {
        link.request({ type: "ping" }).catch(() => undefined);
        socket.say({ type: "done", id: 1 });
      },
    ],
  ])("drops a relay that says %s, counts it, and goes on", async (_, misbehave) => {
    const fixture = await readyLink();
    misbehave(fixture);
    expect([fixture.link.state, lastReason(fixture)]).toEqual(["waiting", "badRelay"]);
    expect(fixture.link.violations).toBe(1);
    expect(fixture.socket.closedWith).toBe(4400);
    fixture.socket.say(delivery(9)); // nobody listens to a dropped socket
    await fixture.clock.advance(1_000);
    await greet(fixture);
    expect(fixture.link.state).toBe("ready");
    expect(JSON.stringify(fixture.logs)).not.toContain(account);
  });

  it("keeps a quiet connection alive by its heartbeat, and learns the relay's clock from it", async () => {
    const { link, socket, clock } = await readyLink();
    for (let round = 0; round < 4; round++) {
      await clock.advance(30_000);
      expect(socket.sent.at(-1)).toEqual({ type: "ping", id: 0 });
      socket.say({ type: "pong", id: 0, serverTimeMs: clock.now() + 9_000 });
      expect(link.serverTimeOffsetMs).toBe(9_000);
    }
    expect(socket.sent).toHaveLength(5);
    expect(link.state).toBe("ready");
  });

  it("asks what time it is, for its own clock may have been set since", async () => {
    const { link, socket, clock } = await readyLink();
    const asked = link.askTime();
    expect(socket.sent.at(-1)).toMatchObject({ type: "ping", id: 1 });
    socket.say({ type: "pong", id: 1, serverTimeMs: clock.now() + 7_000 });
    await asked;
    expect(link.serverTimeOffsetMs).toBe(7_000);
  });

  it("takes a refused heartbeat for a sign of life, and one that was not sent for nonsense", async () => {
    const { link, socket, clock } = await readyLink();
    await clock.advance(30_000);
    socket.say({ type: "failed", id: 0, failure: failures.busy.wire });
    await clock.advance(30_000);
    socket.say({ type: "failed", id: 0, failure: failures.busy.wire });
    expect([link.state, link.serverTimeOffsetMs]).toEqual(["ready", 0]);
    socket.say({ type: "failed", id: 0, failure: failures.busy.wire });
    expect(link.violations).toBe(1);
  });

  it("gives up a connection without any frame for 75 s", async () => {
    const fixture = await readyLink();
    await fixture.clock.advance(75_000);
    expect(fixture.socket.closedWith).toBe(4408);
    expect(fixture.states.at(2)?.reason?.code).toBe("timeout");
  });

  it("rejects a request that stalls, probes, and connects anew when the probe stays silent too", async () => {
    const fixture = await readyLink();
    const code = codeOf(fixture.link.request({ type: "ping" }));
    await fixture.clock.advance(15_000);
    expect(await code).toBe("timeout");
    expect(fixture.link.state).toBe("ready");
    expect(fixture.socket.sent.at(-1)).toEqual({ type: "ping", id: 0 });
    await fixture.clock.advance(10_000);
    expect(fixture.socket.closedWith).toBe(4408);
  });

  it("keeps the connection when one request stalls and the relay is otherwise alive", async () => {
    const { link, socket, clock } = await readyLink({ requestTimeoutMs: 1_000 });
    const code = codeOf(link.request({ type: "ping" }));
    await clock.advance(1_000);
    expect(await code).toBe("timeout");
    socket.say({ type: "pong", id: 0, serverTimeMs: 1 });
    await clock.advance(20_000);
    expect(link.state).toBe("ready");
  });

  it("gives up a relay that answers heartbeats and nothing else", async () => {
    const { link, socket, clock } = await readyLink({ requestTimeoutMs: 1_000 });
    const codes = Array.from({ length: 64 }, () => codeOf(link.request({ type: "ping" })));
    await clock.advance(1_000);
    expect(new Set(await Promise.all(codes))).toEqual(new Set(["timeout"]));
    expect(socket.closedWith).toBe(4408);
  });
});
