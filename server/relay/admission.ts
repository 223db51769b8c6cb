/** A proven device takes its mailbox over. */

import { type Frame, SottoError } from "@sotto/protocol";
import type { Notice } from "../ports.js";
import { digestOf } from "./account.js";
import { countOneTimeKeys, ownDevice } from "./prekeys.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** What makes a connection a device's. */
export interface Admission {
  readonly device: DeviceIdentity;
  /** What the device is told, for its drift check. */
  readonly held: Pick<Frame<"welcome">, "keyDigest" | "oneTimeCount" | "kyberCount">;
  /** Keeps the mailbox until it is detached. */
  readonly attachment: { detach(): void };
}

/**
 * Makes a connection the holder of a device's mailbox; a former holder is displaced.
 *
 * The document is read after the bus is attached, so that a removal is either seen here or heard there.
 *
 * @throws notAuthenticated if the device was removed since it proved itself; nothing stays attached.
 */
export async function admit(
  rules: Rules,
  device: DeviceIdentity,
  listener: (notice: Notice) => void,
): Promise<Admission> {
  const attachment = await rules.bus.attach(device.mailbox, listener);
  try {
    const loaded = await rules.accounts.load(device.account);
    if (loaded === undefined) throw new SottoError("notAuthenticated", { detail: "the account was removed" });
    const keyDigest = digestOf(loaded.document, ownDevice(loaded.document, device));
    const held = { keyDigest, ...(await countOneTimeKeys(rules, device.mailbox)) };
    return { device, held, attachment };
  } catch (cause) {
    attachment.detach();
    throw cause;
  }
}
