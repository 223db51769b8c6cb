/** Grants at a real relay that is killed: a nonce opens one first contact, whatever happens at the same time or in between. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RelayProcess } from "../../support/crash/relay-process.js";
import { newMessageId, RawDevice } from "../../support/raw-client/index.js";
import { outcome, setAccess } from "./asking.js";
import { GrantingHost } from "./granting-host.js";

const SPENDS = 64;
const CREDITS = 10;

const host = new GrantingHost();
let folder: string;
let relay: RelayProcess;
const people = new Map<string, RawDevice>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-grants-"));
  relay = await RelayProcess.start(folder, undefined, { ...host.environment, REFUSAL_DELAY: "1ms" });
});
afterAll(async () => {
  await Promise.all([...people.values()].map((one) => one.close()));
  await relay?.kill();
  await rm(folder, { recursive: true, force: true });
});

/** A user who takes first contacts with a grant only. */
async function user(name: string): Promise<RawDevice> {
  const device = await host.user(relay.url, name);
  people.set(name, device);
  await setAccess(device, { firstContact: "grant" });
  return device;
}

/** `kill -9` and a new life, and everybody connects again. */
async function crash(): Promise<void> {
  await relay.kill();
  await relay.restart();
  await Promise.all([...people.values()].map((one) => one.connect()));
}

/** How often each answer came. */
function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

describe("one nonce", () => {
  it("spent 64 times at once opens one first contact; its message may be repeated, also after a crash", async () => {
    const [alice, bob] = [await user("alice"), await user("bob")];
    const grant = await host.grant("bob", "alice", { nonce: "once" });
    const ids = Array.from({ length: SPENDS }, newMessageId);
    const answers = await Promise.all(ids.map((messageId) => outcome(bob, alice, { grant, messageId })));
    expect(tally(answers)).toEqual({ accepted: 1, grantSpent: SPENDS - 1 });
    const winner = ids[answers.indexOf("accepted")] as Uint8Array;

    await crash();
    expect(await outcome(bob, alice, { grant })).toBe("grantSpent");
    expect(await outcome(bob, alice, { grant, messageId: winner })).toBe("accepted");
    const fresh = await host.grant("bob", "alice", { nonce: "twice" });
    expect(await outcome(bob, alice, { grant: fresh })).toBe("requestPending");
    expect(await outcome(bob, alice, { purpose: "repair" })).toBe("accepted");
    expect(await outcome(alice, bob)).toBe("accepted");
  });

  it("whose relay is killed while it is spent opens one first contact", async () => {
    for (let round = 0; round < 3; round++) {
      const [carol, dave] = [await user(`carol ${round}`), await user(`dave ${round}`)];
      const grant = await host.grant(`dave ${round}`, `carol ${round}`, { nonce: `round ${round}` });
      const ids = Array.from({ length: SPENDS }, newMessageId);
      const asked = ids.map((messageId) => outcome(dave, carol, { grant, messageId }).catch(() => "cut off"));
      if (round > 0) await Promise.race(asked);
      await crash();
      const before = await Promise.all(asked);
      const after = await Promise.all(ids.map((messageId) => outcome(dave, carol, { grant, messageId })));
      expect(tally(after)).toEqual({ accepted: 1, grantSpent: SPENDS - 1 });
      const first = before.indexOf("accepted");
      if (first >= 0) expect(after.indexOf("accepted")).toBe(first);
    }
  });
});

describe("ten credits", () => {
  it("give exactly ten first contacts, however often each is spent at once", async () => {
    const erin = await user("erin");
    const others = await Promise.all(Array.from({ length: CREDITS }, (_, at) => user(`other ${at}`)));
    const grants = await Promise.all(
      others.map((_, at) => host.grant("erin", `other ${at}`, { nonce: `credit ${at}`, basis: "credit" })),
    );
    const answers = await Promise.all(
      others.flatMap((other, at) =>
        Array.from({ length: 4 }, () => outcome(erin, other, { grant: grants[at] as string })),
      ),
    );
    expect(tally(answers)).toEqual({ accepted: CREDITS, grantSpent: 3 * CREDITS });
  });
});

describe("a grant", () => {
  it("that is expired, for others, of no known type or tampered with is bad", async () => {
    const [frank, grace] = [await user("frank"), await user("grace")];
    const good = await host.grant("frank", "grace");
    const signatureAt = good.lastIndexOf(".") + 1;
    const otherLetter = good[signatureAt] === "A" ? "B" : "A";
    const bad = [
      await host.grant("frank", "grace", { expiresInSeconds: -60 }),
      await host.grant("frank", "grace", { expiresInSeconds: 90_000 }),
      await host.grant("grace", "frank"),
      await host.grant("frank", "nobody"),
      await host.token("frank"),
      await new GrantingHost().grant("frank", "grace"),
      `${good.slice(0, signatureAt)}${otherLetter}${good.slice(signatureAt + 1)}`,
      "no grant",
    ];
    for (const grant of bad) expect(await outcome(frank, grace, { grant })).toBe("badGrant");
    expect(await outcome(frank, grace, { grant: good })).toBe("accepted");
  });

  it("registers nobody", async () => {
    await expect(
      host.grant("heidi", "grace").then((token) => RawDevice.register(relay.url, { token })),
    ).rejects.toThrow();
  });
});
