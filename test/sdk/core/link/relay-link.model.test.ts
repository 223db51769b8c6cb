import { closeCodes, encodeFrame, type FrameToClient, failures } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  account,
  anonymousWelcome,
  challenge,
  delivery,
  greet,
  linkFixture,
  otherAccount,
  welcome,
} from "./fixture.js";
import type { ScriptedSocket } from "./scripted-dial.js";

type Fixture = ReturnType<typeof linkFixture>;
type Act = (fixture: Fixture, socket: ScriptedSocket) => void | Promise<void>;

const key = new Uint8Array(33);
const id = fc.nat(6);
const frame: fc.Arbitrary<FrameToClient> = fc.oneof(
  fc.constantFrom<FrameToClient>(challenge, welcome, anonymousWelcome, { type: "queueEmpty" }, { type: "mailboxFull" }),
  fc.constantFrom<FrameToClient>({ type: "deskNews", news: "realm" }, { type: "reportsWaiting" }),
  fc.constant<FrameToClient>({ ...challenge, version: 2 }),
  fc.constant<FrameToClient>({ type: "keysLow", oneTimeCount: 1, kyberCount: 1 }),
  fc.nat(9).map(delivery),
  fc.record({ type: fc.constant("pong" as const), id, serverTimeMs: fc.nat(Number.MAX_SAFE_INTEGER) }),
  fc.record({ type: fc.constant("done" as const), id }),
  fc.record({ type: fc.constant("accepted" as const), id, acceptedMs: fc.nat(), stamps: fc.constant([]) }),
  fc.record({ type: fc.constant("failed" as const), id, failure: fc.integer({ min: 1, max: 50 }) }),
  fc.record({
    type: fc.constant("bundles" as const),
    id,
    account: fc.constantFrom(account, otherAccount),
    identityKey: fc.constant(key),
    devices: fc.constant([]),
  }),
  fc.record({
    type: fc.constant("refused" as const),
    failure: fc.constantFrom(...Object.values(failures).flatMap(({ wire }) => (wire === 0 ? [] : [wire])), 0xffff),
    retryAfterMs: fc.nat(Number.MAX_SAFE_INTEGER),
    devices: fc.constant([]),
  }),
);

/** One act and its name, which fast-check prints with a counterexample. */
type Named = readonly [name: string, act: Act];
const named = (name: string, act: Act): Named => [name, act];

const act: fc.Arbitrary<Named> = fc.oneof(
  { weight: 6, arbitrary: frame.map((each) => named(`say ${each.type}`, (_, socket) => socket.say(each))) },
  {
    weight: 2,
    arbitrary: fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => named("say bytes", (_, socket) => socket.sayBytes(bytes))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(frame, fc.nat(), fc.integer({ min: 1, max: 255 }))
      .map(([each, at, mask]) => named("say flipped", (_, socket) => socket.sayBytes(flip(each, at, mask)))),
  },
  { weight: 2, arbitrary: fc.constant(named("open", (_, socket) => socket.open())) },
  {
    weight: 4,
    arbitrary: fc.constant(named("greet", async (fixture) => void (await greet(fixture)))),
  },
  // Rare by chance alone, which would leave runs without any ending.
  {
    weight: 1,
    arbitrary: fc.constant(named("displace", async (fixture) => (await greet(fixture)).drop(closeCodes.displaced))),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(1000, 1006, 1009, 4999, ...Object.values(closeCodes))
      .map((code) => named(`close ${code}`, (_, socket) => socket.drop(code))),
  },
  {
    weight: 4,
    arbitrary: fc.nat(100_000).map((ms) => named(`wait ${ms}`, ({ clock }) => clock.advance(ms))),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      named("ping", ({ link }) => void link.request({ type: "ping" }).catch(() => undefined)),
      named(
        "fetch",
        ({ link }) => void link.request({ type: "fetchBundles", account, devices: [] }).catch(() => undefined),
      ),
      named("acknowledge", ({ link }) => link.acknowledge(3, [5])),
    ),
  },
);

function flip(each: FrameToClient, at: number, mask: number): Uint8Array {
  const bytes = Uint8Array.from(encodeFrame(each));
  const index = at % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ mask;
  return bytes;
}

describe("a link under any sequence of frames, closes and waits", () => {
  it("never throws, never has two sockets, and either has ended for a reason or can be made ready again", async () => {
    let endings = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const fixture = linkFixture();
        const { link, dial, clock } = fixture;
        link.start();
        for (const [, run] of acts) {
          await run(fixture, dial.last);
          expect(dial.sockets.slice(0, -1).filter(({ isClosed }) => !isClosed)).toEqual([]);
        }
        if (isEnded(fixture)) {
          endings += 1;
          expect(["badCredentials", "displaced", "unsupportedVersion"]).toContain(fixture.states.at(-1)?.reason?.code);
          expect(clock.planned).toBe(0);
          return;
        }
        // Silence ends whatever connection is left, the longest wait passes, and the relay behaves.
        for (let round = 0; round < 20 && link.state !== "connecting"; round++) await clock.advance(75_000);
        if (isEnded(fixture)) return;
        dial.last.drop(1006);
        while (link.state === "waiting") await clock.advance(1_000);
        await greet(fixture);
        expect(link.state).toBe("ready");
        link.close();
        expect(clock.planned).toBe(0);
      }),
      { numRuns: 400 },
    );
    expect(endings).toBeGreaterThan(0);
  });
});

function isEnded({ link }: Fixture): boolean {
  return link.state === "ended";
}
