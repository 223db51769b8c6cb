/**
 * Many members, and everything that happens to a group: in the end all present ones see the same state and the same words in
 * the same order, who was removed read nothing that was said after, who came late nothing from before, and no key repeats.
 *
 * The everyday form plays one short schedule with 12 people, for all of them together take a core for a minute when they are 50;
 * `npm run chaos:groups` plays 50 and more, and longer schedules, and asks for the same title everywhere. A failure prints its seed and where it
 * wrote down all that happened: `CHAOS_SEED=7 npx vitest run test/scenarios/groups/many-members.test.ts` plays it again.
 */

import { SottoError } from "@sotto/protocol";
import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, describe, expect, it } from "vitest";
import { freshSeed } from "../../support/crash/seeded-random.js";
import { castOf } from "../../support/group-chaos/cast.js";
import { runGroupChaos } from "../../support/group-chaos/run.js";
import { everybodySees, groupOf } from "../../support/group-people.js";
import { World } from "../../support/world.js";

const MEMBERS = Number(process.env.CHAOS_MEMBERS ?? 12);
const EVENTS = Number(process.env.CHAOS_EVENTS ?? 40);
const LIMIT_MS = 120_000;
const seed = process.env.CHAOS_SEED === undefined ? freshSeed() : Number(process.env.CHAOS_SEED);

describe("many members of a group", { timeout: 4 * LIMIT_MS }, () => {
  it(`agree on its state and on what they may read (seed ${seed}, ${MEMBERS} members, ${EVENTS} events)`, async () => {
    const outcome = await runGroupChaos({
      seed,
      events: EVENTS,
      cast: castOf(MEMBERS),
      titles: "any",
      limitMs: LIMIT_MS,
    });
    expect(outcome.lines, `seed ${seed}, all of it in ${outcome.report}`).toEqual([]);
    expect(outcome.accepted).toBeGreaterThan(0);
    expect(outcome.keys.watched).toBeGreaterThan(outcome.accepted);
  });
});

describe("a group one short of its cap", { timeout: LIMIT_MS }, () => {
  const ADDS = 20;
  const ADMINS = 4;
  const CAP = ADMINS + 1;
  let world: World;
  afterEach(() => world.close());

  /** Adds at once, each by the client whose turn it is; what came of each. */
  async function adding(admins: readonly Group[], strangers: readonly Client[]): Promise<readonly string[]> {
    const adds = strangers.map(({ accountId }, at) => (admins[at % admins.length] as Group).invite({ accountId }));
    const settled = await Promise.allSettled(adds);
    return settled.map((add) => {
      if (add.status === "fulfilled") return "added";
      return add.reason instanceof SottoError ? add.reason.code : String(add.reason);
    });
  }

  async function beginning(): Promise<{ readonly admins: readonly Group[]; readonly strangers: readonly Client[] }> {
    world = await World.open({ groupAccounts: CAP });
    const names = Array.from({ length: ADMINS + ADDS }, (_, at) => `user${at}`);
    const clients = await Promise.all(names.map((name) => world.client(name)));
    const [founder, ...others] = clients.slice(0, ADMINS);
    if (founder === undefined) throw new Error("nobody to found a group");
    const admins = await groupOf([founder, ...others]);
    for (const { accountId } of others) await admins[0]?.setRole({ accountId }, "admin");
    await Promise.all(admins.map((group) => group.refresh()));
    return { admins, strangers: clients.slice(ADMINS) };
  }

  async function onlyOneOf(outcomes: readonly string[], admins: readonly Group[]): Promise<void> {
    expect([...outcomes].sort()).toEqual(["added", ...Array.from({ length: ADDS - 1 }, () => "groupFull")]);
    await Promise.all(admins.map((group) => group.refresh()));
    for (const group of admins) expect(await group.members()).toHaveLength(CAP);
    await everybodySees(admins, ADMINS);
  }

  it("takes exactly one of 20 parallel adds of one admin's client", async () => {
    const { admins, strangers } = await beginning();
    await onlyOneOf(await adding(admins.slice(0, 1), strangers), admins);
  });

  it("takes exactly one of 20 parallel adds of several admins' clients", async () => {
    const { admins, strangers } = await beginning();
    await onlyOneOf(await adding(admins, strangers), admins);
  });
});
