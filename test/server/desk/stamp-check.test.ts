/** What the desk says of a stamp that a device shows it: only of what came to that account, and in a way that the relay cannot change. */

import { randomBytes } from "node:crypto";
import { epochOf, equalBytes, stamp, stampAnswerMac } from "@sotto/protocol";
import { expect, it } from "vitest";
import { bytesOf, openDesk, type Someone, type TestDesk } from "./desk-of.js";
import { someoneEnrolled } from "./report-of.js";

async function checked(
  test: TestDesk,
  by: Someone,
  shown: { commitment: Uint8Array; acceptedMs: number; stamp: Uint8Array },
) {
  const answer = await by.ask(test, "stamp", shown);
  if (answer.kind !== "stampChecked") throw new Error(`no verdict but ${answer.kind}`);
  const macOf = (verdict: typeof answer.verdict) => stampAnswerMac(by.deskKey, test.realm, shown, verdict);
  expect(equalBytes(macOf(answer.verdict), answer.mac)).toBe(true);
  for (const other of ["good", "bad", "unknown"] as const)
    if (other !== answer.verdict) expect(equalBytes(macOf(other), answer.mac)).toBe(false);
  return answer.verdict;
}

it("is whether the relay made it, for this account, on this commitment, at this time", async () => {
  const test = await openDesk();
  const [alice, bob] = [await someoneEnrolled(test), await someoneEnrolled(test)];
  const acceptedMs = test.nowMs;
  const commitment = new Uint8Array(randomBytes(32));
  const key = test.relay.stampKey(epochOf(acceptedMs));
  const shown = {
    commitment,
    acceptedMs,
    stamp: stamp(key, test.realm, { commitment, recipient: bytesOf(alice.account), acceptedMs }),
  };
  expect(await checked(test, alice, shown)).toBe("good");
  expect(await checked(test, bob, shown)).toBe("bad");
  expect(await checked(test, alice, { ...shown, acceptedMs: acceptedMs + 1 })).toBe("bad");
  expect(await checked(test, alice, { ...shown, commitment: new Uint8Array(32) })).toBe("bad");
  expect(await checked(test, alice, { ...shown, stamp: new Uint8Array(16) })).toBe("bad");
});

it("is that it does not know of a day whose key it does not hold", async () => {
  const test = await openDesk();
  const alice = await someoneEnrolled(test);
  const shown = { commitment: new Uint8Array(32), stamp: new Uint8Array(16) };
  for (const days of [-40, 5]) {
    expect(await checked(test, alice, { ...shown, acceptedMs: test.nowMs + days * 86_400_000 })).toBe("unknown");
  }
});
