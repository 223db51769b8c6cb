/** Registrations that are refused, and what they left in the store. */

import { type Frame, failures, type WireFailureCode } from "@sotto/protocol";
import { expect } from "vitest";
import { decodeAccount } from "../../../../server/relay/account.js";
import type { TestDevice } from "./device.js";
import type { TestRelay } from "./test-relay.js";

/** What a test changes of a registration. */
export type Changes = Parameters<TestDevice["registration"]>[1];

/** Tries a registration and answers its refusal. */
export async function refusal(
  relay: TestRelay,
  device: TestDevice,
  changes: Changes,
  address?: string,
): Promise<Frame<"refused">> {
  const { client, challenge } = await relay.challenged(address);
  client.say(device.registration(challenge, changes));
  const refused = await client.next("refused");
  await client.closed(refused.failure === failures.badFrame.wire ? "badFrame" : "unauthenticated");
  return refused;
}

/** The registration must be refused with this code. */
export async function expectRefusal(relay: TestRelay, device: TestDevice, changes: Changes, code: WireFailureCode) {
  expect((await refusal(relay, device, changes)).failure).toBe(failures[code].wire);
}

/** The document of a device's account. */
export async function documentOf(relay: TestRelay, device: TestDevice) {
  const stored = await relay.store.directory.account(device.known.account);
  if (stored === undefined) throw new Error("no document");
  return decodeAccount(stored.document);
}
