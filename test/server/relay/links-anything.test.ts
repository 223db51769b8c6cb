/** A link under any sequence of calls, against a model of it. */

import { randomBytes } from "node:crypto";
import { type Frame, failures, limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { TestRelay } from "./support/test-relay.js";

type Step = Frame<"putLink">["step"];
type Who = "old" | "fresh" | "mallory";

const STEPS: readonly Step[] = ["join", "challenge", "approve", "provision"];
/** Whose step it is, by its place. */
const LEAVES: readonly Who[] = ["fresh", "old", "fresh", "old"];

/** What a link is, without a relay. */
class Model {
  private bodies: number[] | undefined = undefined;
  private openedMs = 0;

  private isThere(who: Who, nowMs: number): boolean {
    return this.bodies !== undefined && nowMs < this.openedMs + limits.linkTtlMs.value && who !== "mallory";
  }

  open(nowMs: number): string {
    if (this.isThere("old", nowMs)) return this.bodies?.length === 0 ? "done" : "linkUsed";
    this.bodies = [];
    this.openedMs = nowMs;
    return "done";
  }

  close(who: Who): string {
    if (who === "old") this.bodies = undefined;
    return "done";
  }

  put(who: Who, place: number, value: number, nowMs: number): string {
    if (isNewDevice(who) !== isNewDevice(LEAVES[place] as Who)) return "badFrame";
    if (!this.isThere(who, nowMs) || this.bodies === undefined) return "linkExpired";
    const left = this.bodies[place];
    if (left !== undefined) return left === value ? "done" : "linkUsed";
    if (this.bodies.length < place) return "badFrame";
    this.bodies.push(value);
    return "done";
  }

  take(who: Who, place: number, nowMs: number): string {
    if (isNewDevice(who) === isNewDevice(LEAVES[place] as Who)) return "badFrame";
    if (!this.isThere(who, nowMs)) return "linkExpired";
    return String(this.bodies?.[place] ?? "none");
  }
}

function isNewDevice(who: Who): boolean {
  return who === "fresh";
}

async function heard(client: Client, type: "done" | "linkBody"): Promise<string> {
  const frame = await client.next(type).catch(String);
  if (typeof frame === "string") return Object.keys(failures).find((code) => frame.endsWith(code)) ?? frame;
  return frame.type === "done" ? "done" : String(frame.body?.[0] ?? "none");
}

const who = fc.constantFrom<Who>("old", "fresh", "mallory");
const place = fc.nat({ max: 3 });
const action = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("open" as const) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("put" as const), who, place, value: fc.nat({ max: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("take" as const), who, place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), who: fc.constantFrom("old", "mallory") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 70_000 }) }) },
);

describe("a link, whatever is asked of it", () => {
  it("answers as its model does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const relay = await TestRelay.start({ policy: { limiterScale: 1_000 } });
        const { client: old } = await relay.person("alice");
        const { client: mallory } = await relay.person("mallory");
        const clients = { old, mallory, fresh: await relay.anonymous() };
        const link = new Uint8Array(randomBytes(16));
        const model = new Model();
        old.say({ type: "openLink", id: 0, link });
        expect(await heard(old, "done")).toBe(model.open(relay.clock.now()));
        for (const one of actions) {
          const nowMs = relay.clock.now();
          switch (one.kind) {
            case "open":
              old.say({ type: "openLink", id: 1, link });
              expect(await heard(old, "done")).toBe(model.open(nowMs));
              break;
            case "put": {
              const client = clients[one.who];
              const body = Uint8Array.of(one.value);
              client.say({ type: "putLink", id: 2, link, step: STEPS[one.place] as Step, body });
              expect(await heard(client, "done")).toBe(model.put(one.who, one.place, one.value, nowMs));
              break;
            }
            case "take": {
              const client = clients[one.who];
              client.say({ type: "takeLink", id: 3, link, step: STEPS[one.place] as Step });
              expect(await heard(client, "linkBody")).toBe(model.take(one.who, one.place, nowMs));
              break;
            }
            case "close": {
              const client = clients[one.who as Who];
              client.say({ type: "closeLink", id: 4, link });
              expect(await heard(client, "done")).toBe(model.close(one.who as Who));
              break;
            }
            case "wait":
              relay.clock.advance(one.ms);
              for (const client of Object.values(clients)) {
                client.say({ type: "ping", id: 5 });
                await client.next("pong");
              }
          }
        }
        expect(relay.bugs).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
