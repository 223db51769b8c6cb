/** Grants: whom they speak for, what they open, and that a nonce is good for one first contact. */

import { type Frame, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { HostGrant, HostGrants } from "../../../server/ports.js";
import type { Client } from "./support/client.js";
import { envelopeFor, sendFrame, TestRelay } from "./support/test-relay.js";

const REFUSED_AFTER_MS = 250;
const LIFE_MS = 3_600_000;

type Someone = Awaited<ReturnType<TestRelay["person"]>>;

/** Grants in plain text: everything but what a signature proves. */
const plainGrants: HostGrants = {
  verify: async (text) => {
    if (text === "forged") throw new SottoError("badGrant");
    if (text === "unreachable") throw new SottoError("busy");
    return JSON.parse(text);
  },
};

function grant(relay: TestRelay, changes: Partial<Record<"from" | "to" | "nonce" | "issuer", string>> = {}): string {
  const { from = "bob", to = "alice", issuer = "development", nonce } = changes;
  const said: HostGrant = {
    from: { issuer, subject: from },
    to: { issuer, subject: to },
    basis: "mutual_follow",
    nonce,
    takenUntilMs: relay.clock.now() + LIFE_MS,
  };
  return JSON.stringify(said);
}

async function people(
  firstContact: Frame<"setAccess">["firstContact"] = "grant",
  options: Parameters<typeof TestRelay.start>[0] = { grants: plainGrants },
) {
  const relay = await TestRelay.start(options);
  const alice = await relay.person("alice");
  const bob = await relay.person("bob");
  const access = (blocked: Frame<"setAccess">["blocked"] = []) => {
    const deliveryKeyHash = new Uint8Array(32);
    alice.client.say({ type: "setAccess", id: 900, deliveryKeyHash, firstContact, blocked });
    return alice.client.skipTo("done");
  };
  await access();
  const send = (text: string | undefined, changes: Partial<Frame<"send">> = {}, to: Someone = alice) =>
    sendFrame(bob.client, [{ account: to.account, grant: text, envelopes: [envelopeFor(to.device)] }], changes);
  return { relay, alice, bob, access, send };
}

/** What the relay answers: `accepted` or the number of the failure, which comes no earlier than its time. */
async function outcome(relay: TestRelay, client: Client, frame: Frame<"send">): Promise<string | number> {
  client.say(frame);
  const early = await client.rest();
  if (!early.includes("accepted")) {
    expect(early.filter((type) => type !== "deliver")).toEqual([]);
    relay.clock.advance(REFUSED_AFTER_MS);
    return (await client.skipTo("failed")).failure;
  }
  return (await client.skipTo("accepted")).type;
}

const NOT_ALLOWED = 40;
const PENDING = 44;
const BAD = 45;
const SPENT = 46;

describe("a grant", () => {
  it("opens an account that asks for one, for its one message, and for nobody else's", async () => {
    const { relay, bob, send } = await people();
    expect(await outcome(relay, bob.client, send(undefined))).toBe(NOT_ALLOWED);
    expect(await outcome(relay, bob.client, send(grant(relay)))).toBe("accepted");
    expect(await outcome(relay, bob.client, send(grant(relay)))).toBe(PENDING);
    expect(await outcome(relay, bob.client, send(undefined))).toBe(PENDING);
    const carol = await relay.person("carol");
    const frame = send(grant(relay));
    expect(await outcome(relay, carol.client, { ...frame, id: 1, messageId: new Uint8Array(16) })).toBe(BAD);
  });

  it("covers the repairs of its message, which need not show it", async () => {
    const { relay, bob, send } = await people();
    const text = grant(relay, { nonce: "n" });
    expect(await outcome(relay, bob.client, send(undefined, { purpose: "repair" }))).toBe(NOT_ALLOWED);
    expect(await outcome(relay, bob.client, send(text))).toBe("accepted");
    expect(await outcome(relay, bob.client, send(undefined, { purpose: "repair" }))).toBe("accepted");
    expect(await outcome(relay, bob.client, send(text, { purpose: "repair" }))).toBe("accepted");
  });

  it.each(["contacts", "nobody"] as const)("opens nothing under the policy %s", async (policy) => {
    const { relay, bob, send } = await people(policy);
    expect(await outcome(relay, bob.client, send(grant(relay)))).toBe(NOT_ALLOWED);
  });

  it.each<[string, Parameters<typeof grant>[1]]>([
    ["from somebody else", { from: "carol" }],
    ["to somebody else", { to: "carol" }],
    ["between users of another host", { issuer: "https://elsewhere.example" }],
  ])("%s is bad, whatever the policy", async (_what, changes) => {
    for (const policy of ["everyone", "grant", "nobody"] as const) {
      const { relay, bob, send } = await people(policy);
      await relay.person("carol");
      expect(await outcome(relay, bob.client, send(grant(relay, changes)))).toBe(BAD);
      expect(await outcome(relay, bob.client, send("forged"))).toBe(BAD);
    }
  });

  it("is bad where no host is configured, and busy where its keys cannot be had", async () => {
    const bare = await people("everyone", {});
    const answer = await outcome(bare.relay, bare.bob.client, bare.send(grant(bare.relay)));
    expect(answer).toBe(BAD);
    const { bob, send } = await people();
    const frame = send("unreachable");
    bob.client.say(frame);
    await bob.client.failure(frame.id, "busy");
  });

  it("never lets a blocked sender in, and is not spent by trying", async () => {
    const { relay, bob, access, send } = await people();
    await access([bob.account]);
    const text = grant(relay, { nonce: "n" });
    expect(await outcome(relay, bob.client, send(text))).toBe(NOT_ALLOWED);
    await access();
    expect(await outcome(relay, bob.client, send(text))).toBe("accepted");
  });

  it("is checked at the cost of its sender", async () => {
    const relay = await TestRelay.start({ grants: plainGrants, policy: { limiterScale: 1 / 100 } });
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const codes: (string | number)[] = [];
    for (let count = 0; count < 3; count++) {
      const to = { account: alice.account, grant: "forged", envelopes: [envelopeFor(alice.device)] };
      const frame = sendFrame(bob.client, [to]);
      bob.client.say(frame);
      await bob.client.rest();
      relay.clock.advance(REFUSED_AFTER_MS);
      codes.push((await bob.client.skipTo("failed")).failure);
    }
    expect(codes).toEqual([BAD, expect.anything(), 6]);
    expect(relay.counts.get("limited grantsPerAccount")).toBeGreaterThan(0);
  });
});

describe("a nonce", () => {
  it("is spent by the first message that shows it; a retry of that one passes", async () => {
    const { relay, bob, send } = await people();
    const text = grant(relay, { nonce: "n" });
    const frame = send(text);
    expect(await outcome(relay, bob.client, frame)).toBe("accepted");
    expect(await outcome(relay, bob.client, { ...frame, id: 80 })).toBe("accepted");
    expect(await outcome(relay, bob.client, send(text))).toBe(SPENT);
  });

  it("that is spent is told before anything the recipient set", async () => {
    const { relay, bob, access, send } = await people();
    const text = grant(relay, { nonce: "n" });
    expect(await outcome(relay, bob.client, send(text))).toBe("accepted");
    await access([bob.account]);
    expect(await outcome(relay, bob.client, send(text))).toBe(SPENT);
    expect(await outcome(relay, bob.client, send(grant(relay, { nonce: "other" })))).toBe(PENDING);
  });

  it("is one host's: the same of another pair is spent too", async () => {
    const { relay, alice, bob, send } = await people();
    const carol = await relay.person("carol");
    expect(await outcome(relay, bob.client, send(grant(relay, { nonce: "n" })))).toBe("accepted");
    const toCarol = send(grant(relay, { nonce: "n", to: "carol" }), {}, carol);
    expect(await outcome(relay, bob.client, toCarol)).toBe(SPENT);
    expect(alice.account).not.toBe(carol.account);
  });

  it("of a message that was not stored is not lost: a retry under its id passes", async () => {
    const quota = { envelopes: 1, bytes: 1_000 };
    const relay = await TestRelay.start({ grants: plainGrants, policy: { mailboxQuota: quota } });
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const carol = await relay.person("carol");
    const to = { account: alice.account, envelopes: [envelopeFor(alice.device)] };
    expect(await outcome(relay, carol.client, sendFrame(carol.client, [to]))).toBe("accepted");
    const frame = sendFrame(bob.client, [{ ...to, grant: grant(relay, { nonce: "n" }) }]);
    bob.client.say(frame);
    await bob.client.failure(frame.id, "mailboxFull");
    await alice.client.next("deliver");
    alice.client.say({ type: "acknowledge", upTo: 1, also: [] });
    await alice.client.rest();
    expect(await outcome(relay, bob.client, { ...frame, id: 81 })).toBe("accepted");
  });
});
