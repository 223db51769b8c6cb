import { decodeFrame, type Frame, type FrameToRelay, limits, parseDeviceId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import {
  MAX_BUFFERED_BYTES,
  MAX_IN_FLIGHT,
  MAX_WAITING,
  RequestTable,
} from "../../../../sdk/core/link/request-table.js";
import { account, codeOf, otherAccount } from "./fixture.js";
import { manualClock, settled } from "./manual-clock.js";

function tableFixture() {
  const clock = manualClock();
  const sent: FrameToRelay[] = [];
  const stalls: number[] = [];
  const table = new RequestTable({ clock, timeoutMs: 15_000, stalled: (overdue) => stalls.push(overdue) });
  const wire = { send: (bytes: Uint8Array) => void sent.push(decodeFrame(bytes, "toRelay")), bufferedBytes: 0 };
  const ids = () => sent.map((frame) => ("id" in frame ? frame.id : -1));
  return { clock, sent, stalls, table, wire, ids };
}

const ping = { type: "ping" } as const;
const pong = (id: number): Frame<"pong"> => ({ type: "pong", id, serverTimeMs: 1 });
const accepted = (id: number): Frame<"accepted"> => ({ type: "accepted", id, acceptedMs: 1, stamps: [] });
const sendTo = (...accounts: readonly (typeof account)[]) =>
  ({
    type: "send",
    messageId: new Uint8Array(16),
    storage: "stored",
    urgency: "normal",
    purpose: "message",
    wantBundles: "no",
    recipients: accounts.map((each) => ({ account: each, scope: "all" as const, envelopes: [] })),
  }) as const;
/** A send of so many envelopes to every account, each as large as one may be. */
const largeSend = (count: number, ...accounts: readonly (typeof account)[]) => {
  const envelopes = Array.from({ length: count }, (_, index) => ({
    device: parseDeviceId(index + 1),
    registrationId: 1,
    body: new Uint8Array(limits.ciphertextBytes.value),
  }));
  return { ...sendTo(), recipients: accounts.map((each) => ({ account: each, scope: "all" as const, envelopes })) };
};

describe("the requests of a link", () => {
  it("numbers requests and settles each with its own answer, in any order", async () => {
    const { table, wire, ids } = tableFixture();
    table.attach(wire);
    const one = table.submit({ type: "resolve", userId: "bob" });
    const two = table.submit(ping);
    expect(ids()).toEqual([1, 2]);
    expect(table.answer(pong(2))).toBeUndefined();
    expect(
      table.answer({ type: "resolved", id: 1, account, role: "person", firstContact: "everyone", bases: [] }),
    ).toBeUndefined();
    expect((await one).account).toBe(account);
    expect((await two).type).toBe("pong");
  });

  it("rejects with what the relay answered", async () => {
    const { table, wire } = tableFixture();
    table.attach(wire);
    const answer = table.submit(ping);
    table.answer({ type: "failed", id: 1, failure: 6, retryAfterMs: 70 });
    await expect(answer).rejects.toMatchObject({ code: "tooManyRequests", retryAfterMs: 70 });
  });

  it("says what is wrong with an answer to no request, of another type, or about another account", () => {
    const { table, wire } = tableFixture();
    table.attach(wire);
    const pending = [
      table.submit(ping),
      table.submit({ type: "fetchBundles", account, devices: [] }),
      table.submit(sendTo(account)),
    ];
    for (const each of pending) each.catch(() => undefined);
    const mismatch = { account: otherAccount, missing: [], extra: [], stale: [] };
    expect(table.answer(pong(9))).toBeDefined();
    expect(table.answer(accepted(1))).toBeDefined();
    expect(
      table.answer({ type: "bundles", id: 2, account: otherAccount, identityKey: new Uint8Array(33), devices: [] }),
    ).toBeDefined();
    expect(
      table.answer({ type: "deviceMismatch", id: 3, accounts: [mismatch], denied: [], bundles: [] }),
    ).toBeDefined();
    const bundles = [{ account: otherAccount, identityKey: new Uint8Array(33), devices: [] }];
    expect(table.answer({ type: "deviceMismatch", id: 3, accounts: [], denied: [], bundles })).toBeDefined();
    expect(
      table.answer({ type: "deviceMismatch", id: 3, accounts: [{ ...mismatch, account }], denied: [], bundles: [] }),
    ).toBeUndefined();
  });

  it("takes an answer once", async () => {
    const { table, wire } = tableFixture();
    table.attach(wire);
    const answer = table.submit(ping);
    expect(table.answer(pong(1))).toBeUndefined();
    expect(table.answer(pong(1))).toBeDefined();
    await answer;
  });

  it("holds requests until there is a connection, and keeps their order", async () => {
    const { table, wire, ids } = tableFixture();
    const pending = [table.submit(ping), table.submit(ping)];
    expect(ids()).toEqual([]);
    table.attach(wire);
    expect(ids()).toEqual([1, 2]);
    table.answer(pong(1));
    table.answer(pong(2));
    await Promise.all(pending);
  });

  it("rejects offline when no connection came in time, and sends nothing later", async () => {
    const { table, wire, ids, clock, stalls } = tableFixture();
    const code = codeOf(table.submit(ping));
    await clock.advance(15_000);
    expect(await code).toBe("offline");
    table.attach(wire);
    expect(ids()).toEqual([]);
    expect(stalls).toEqual([]);
  });

  it("rejects what was sent when the connection is lost, and keeps what was not", async () => {
    const { table, wire, ids } = tableFixture();
    table.attach({ ...wire, bufferedBytes: 0 });
    const code = codeOf(table.submit(ping));
    table.detach(new SottoError("busy"));
    expect(await code).toBe("offline");
    const later = table.submit(ping);
    table.attach(wire);
    expect(ids()).toEqual([1, 2]);
    table.answer(pong(2));
    await later;
  });

  it("rejects timeout when the relay does not answer, tells of the stall, and takes the late answer quietly", async () => {
    const { table, wire, clock, stalls } = tableFixture();
    table.attach(wire);
    const code = codeOf(table.submit(ping));
    await clock.advance(15_000);
    expect(await code).toBe("timeout");
    expect(stalls).toEqual([1]);
    expect(table.answer(pong(1))).toBeUndefined();
    expect(table.answer(pong(1))).toBeDefined();
    const second = codeOf(table.submit(ping));
    await clock.advance(15_000);
    expect(await second).toBe("timeout");
    expect(stalls).toEqual([1, 1]);
  });

  it("lets a caller give up before and after sending, and at once if it had given up before", async () => {
    const { table, wire, ids, clock } = tableFixture();
    const early = new AbortController();
    const late = new AbortController();
    const unsent = codeOf(table.submit(ping, { signal: early.signal }));
    early.abort();
    expect(await unsent).toBe("aborted");
    expect(await codeOf(table.submit(ping, { signal: early.signal }))).toBe("aborted");
    table.attach(wire);
    const sent = codeOf(table.submit(ping, { signal: late.signal }));
    late.abort();
    expect(await sent).toBe("aborted");
    expect(ids()).toHaveLength(1);
    expect(table.answer(pong(ids()[0] ?? 0))).toBeUndefined();
    expect(clock.planned).toBe(0);
  });

  it("calls back what did not leave, and waits for the answer to what did", async () => {
    const { table, wire, ids, clock } = tableFixture();
    const [early, late] = [new AbortController(), new AbortController()];
    const unsent = codeOf(table.submit(ping, { recall: early.signal }));
    early.abort();
    expect(await unsent).toBe("aborted");
    expect(await codeOf(table.submit(ping, { recall: early.signal }))).toBe("aborted");
    table.attach(wire);
    const sent = table.submit(ping, { recall: late.signal });
    late.abort();
    expect(table.answer(pong(ids()[0] ?? 0))).toBeUndefined();
    expect((await sent).type).toBe("pong");
    expect(ids()).toHaveLength(1);
    expect(clock.planned).toBe(0);
  });

  it("leaves no listener on a signal that outlives its requests", async () => {
    const { table, wire } = tableFixture();
    table.attach(wire);
    let listeners = 0;
    const signal = {
      aborted: false,
      addEventListener: () => {
        listeners += 1;
      },
      removeEventListener: () => {
        listeners -= 1;
      },
    };
    const answered = table.submit(ping, { signal, recall: signal });
    table.answer(pong(1));
    await answered;
    const lost = codeOf(table.submit(ping, { signal, recall: signal }));
    table.detach(new SottoError("offline"));
    const ended = codeOf(table.submit(ping, { signal, recall: signal }));
    table.end(new SottoError("closed"));
    expect([await lost, await ended]).toEqual(["offline", "closed"]);
    expect(listeners).toBe(0);
  });

  it("keeps a bounded number in flight and lets the next go with every answer", async () => {
    const { table, wire, ids } = tableFixture();
    table.attach(wire);
    const pending = Array.from({ length: MAX_IN_FLIGHT + 2 }, () => table.submit(ping));
    expect(ids()).toHaveLength(MAX_IN_FLIGHT);
    for (let id = 1; id <= MAX_IN_FLIGHT + 2; id++) expect(table.answer(pong(id))).toBeUndefined();
    expect(await Promise.all(pending)).toHaveLength(MAX_IN_FLIGHT + 2);
  });

  it("refuses more than may wait, by number and by bytes", async () => {
    const { table } = tableFixture();
    const waiting = Array.from({ length: MAX_WAITING }, () => codeOf(table.submit(ping)));
    expect(await codeOf(table.submit(ping))).toBe("tooManyRequests");
    table.end(new SottoError("closed"));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["closed"]));

    const large = () => codeOf(table.submit(largeSend(10, account)));
    const held = Array.from({ length: 17 }, large);
    expect(await large()).toBe("tooManyRequests");
    table.end(new SottoError("closed"));
    expect(new Set(await Promise.all(held))).toEqual(new Set(["closed"]));
  });

  it("refuses a request that is no frame or larger than one, and sends nothing", async () => {
    const { table, wire, ids } = tableFixture();
    table.attach(wire);
    expect(await codeOf(table.submit({ type: "resolve", userId: "" }))).toBe("invalidArgument");
    expect(await codeOf(table.submit(largeSend(16, account, otherAccount)))).toBe("tooLarge");
    expect(ids()).toEqual([]);
  });

  it("waits for a socket whose buffer is full", async () => {
    const { table, wire, ids } = tableFixture();
    wire.bufferedBytes = MAX_BUFFERED_BYTES + 1;
    table.attach(wire);
    const answer = table.submit(ping);
    await settled();
    expect(ids()).toEqual([]);
    wire.bufferedBytes = 0;
    table.pump();
    expect(ids()).toEqual([1]);
    table.answer(pong(1));
    await answer;
  });
});
