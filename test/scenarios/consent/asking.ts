/** Sends by hand, and what a relay says to them. */

import { type AccountId, type FirstContactPolicy, failureFromWire, hashDeliveryKey } from "@sotto/protocol";
import type { RawDevice, SendOver } from "../../support/raw-client/index.js";

const BODY = new Uint8Array(32).fill(1);

/** Sends one envelope, identified, and answers `accepted` or the code of the failure. */
export async function outcome(from: RawDevice, to: RawDevice, over: SendOver = {}): Promise<string> {
  const answer = await from.deliver(to, BODY, over);
  return answer.type === "failed" ? String(failureFromWire(answer.failure)) : answer.type;
}

/** What an account sets of its access; the rest is as it was registered. */
export interface AccessOver {
  readonly firstContact?: FirstContactPolicy;
  readonly blocked?: readonly AccountId[];
  readonly deliveryKey?: Uint8Array;
}

/** Sets who may write to an account. */
export async function setAccess(owner: RawDevice, over: AccessOver = {}): Promise<void> {
  const { firstContact = "everyone", blocked = [], deliveryKey = owner.deliveryKey } = over;
  const deliveryKeyHash = hashDeliveryKey(deliveryKey);
  const answer = await owner.socket.ask({ type: "setAccess", deliveryKeyHash, firstContact, blocked });
  if (answer.type !== "done") throw new Error(`expected done, not ${answer.type}`);
}
