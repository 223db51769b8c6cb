/**
 * Whoever is refused learns nothing of the reason. The everyday form: the same bytes, and never before their time. Whether
 * the times can be told apart is measured by `npm run campaign -- timing`.
 */

import { encodeFrame, failures } from "@sotto/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { World } from "../../support/world.js";
import { GrantingHost } from "../consent/granting-host.js";
import { isToldApart, ksDistance } from "./distributions.js";
import { type Answered, RefusedSender } from "./refused-senders.js";

const REFUSAL_DELAY_MS = 50;
const ROUNDS = 5;
/** Timers count whole milliseconds of a clock that is not ours. */
const TIMER_SLACK_MS = 2;

describe("a refusal", () => {
  let world: World;
  let sender: RefusedSender;
  beforeAll(async () => {
    const host = new GrantingHost();
    world = await World.open({ ...host.settings, refusalDelay: REFUSAL_DELAY_MS });
    sender = await RefusedSender.open(world.url, 4, host);
  });
  afterAll(async () => {
    await sender?.close();
    await world?.close();
  });

  it("is the same bytes for every reason, and comes no earlier than its time", async () => {
    const asked: Promise<Answered>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const refused of sender.classes) asked.push(sender.ask(round, refused));
    }
    const answers = await Promise.all(asked);
    const spelled = answers.map(({ answer }) =>
      Buffer.from(encodeFrame({ ...answer, id: 7 } as typeof answer)).toString("hex"),
    );
    const expected = encodeFrame({ type: "failed", id: 7, failure: failures.notAllowed.wire, retryAfterMs: undefined });
    expect(new Set(spelled)).toEqual(new Set([Buffer.from(expected).toString("hex")]));
    for (const { tookMs } of answers) expect(tookMs).toBeGreaterThanOrEqual(REFUSAL_DELAY_MS - TIMER_SLACK_MS);
  });
});

describe("the comparison of two samples", () => {
  const noise = (seed: number, shift: number) =>
    Array.from(
      { length: 2_000 },
      (_, at) => shift + (Math.abs(Math.sin((at + 1) * (seed + 1) * 12.9898) * 43_758.5453) % 1),
    );

  it("tells a shifted one from its like, and not two alike", () => {
    expect(ksDistance([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(ksDistance([1, 2], [3, 4])).toBe(1);
    expect(isToldApart(noise(1, 0), noise(2, 0), 0.001)).toBe(false);
    expect(isToldApart(noise(1, 0), noise(2, 0.1), 0.001)).toBe(true);
  });
});
