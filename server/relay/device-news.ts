/** Word to an account's connected devices that something about its devices happened. */

import type { AccountId, DeviceId, FrameToClient } from "@sotto/protocol";
import type { Notice } from "../ports.js";
import { type AccountDocument, mailboxOf, ownDevicesOf } from "./account.js";
import type { Rules } from "./rules.js";

/** Gives a notice to every device of an account but the one that caused it. */
export function tellDevices(
  { bus }: Rules,
  account: AccountId,
  { devices }: AccountDocument,
  kind: Extract<Notice["kind"], "devicesChanged" | "deviceLimit" | "deskNotes">,
  except?: DeviceId,
): void {
  for (const one of devices) if (one.device !== except) bus.publish(mailboxOf(account, one), { kind });
}

/**
 * Tells one connection of the account's devices as they are now. Changes that come while it looks are one more look, so
 * that a burst of them costs two, and the last word is the newest.
 */
export class DeviceNews {
  private state: "idle" | "looking" | "lookAgain" = "idle";

  constructor(
    private readonly rules: Rules,
    private readonly account: AccountId,
    private readonly answer: (frame: FrameToClient) => void,
  ) {}

  /** The devices changed. */
  changed(): void {
    if (this.state === "idle") void this.look();
    else this.state = "lookAgain";
  }

  private async look(): Promise<void> {
    this.rules.inFlight.begin();
    try {
      do {
        this.state = "looking";
        const loaded = await this.rules.accounts.load(this.account);
        if (loaded !== undefined) this.answer({ type: "devicesChanged", devices: ownDevicesOf(loaded.document) });
      } while (this.isDue());
    } catch {
      // Its next welcome lists the devices.
      this.rules.log.warn("deviceNewsNotTold");
    } finally {
      this.state = "idle";
      this.rules.inFlight.end();
    }
  }

  private isDue(): boolean {
    return this.state === "lookAgain";
  }
}
