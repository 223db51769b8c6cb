/** A proven device takes its mailbox over. */

import { accessDigest, type Frame, SottoError } from "@sotto/protocol";
import type { Notice } from "../ports.js";
import { type AccountDocument, digestOf, ownDevicesOf } from "./account.js";
import { spendParked } from "./parked.js";
import { countOneTimeKeys, highestPrekeyId, ownDevice } from "./prekeys.js";
import type { DeviceIdentity, Rules } from "./rules.js";

/** What the relay holds of a device and its account. */
export type Held = Omit<
  Frame<"welcome">,
  "type" | "account" | "device" | "groupAccounts" | "groupRecipients" | "serverTimeMs"
>;

/** A device that proved itself, with the token it may have shown. */
export interface Proven {
  readonly device: DeviceIdentity;
  readonly resume?: Uint8Array | undefined;
}

/** What makes a connection a device's. */
export interface Admission {
  readonly device: DeviceIdentity;
  /** What the device is told, for its drift check. */
  readonly held: Held;
  /** Keeps the mailbox until it is detached. */
  readonly attachment: { detach(): void };
}

/**
 * Makes a connection the holder of a device's mailbox; a former holder is displaced.
 *
 * The document is read after the bus is attached, so that a removal is either seen here or heard there. What the device
 * left behind is spent after that too: a former connection of it is closed by then and can leave nothing more.
 *
 * @throws notAuthenticated if the device was removed since it proved itself; nothing stays attached.
 */
export async function admit(
  rules: Rules,
  { device, resume }: Proven,
  listener: (notice: Notice) => void,
): Promise<Admission> {
  const attachment = await rules.bus.attach(device.mailbox, listener);
  try {
    const resumed = await spendParked(rules, device.mailbox, resume);
    await rules.sanctions.load(device.account);
    const loaded = await rules.accounts.load(device.account);
    if (loaded === undefined) throw new SottoError("notAuthenticated", { detail: "the account was removed" });
    return { device, held: await held(rules, device, loaded.document, resumed), attachment };
  } catch (cause) {
    attachment.detach();
    throw cause;
  }
}

async function held(
  rules: Rules,
  device: DeviceIdentity,
  document: AccountDocument,
  resumed: Held["resumed"],
): Promise<Held> {
  const own = ownDevice(document, device);
  const [counts, highest, heads] = await Promise.all([
    countOneTimeKeys(rules, device.mailbox),
    highestPrekeyId(rules, device.mailbox, own),
    rules.store.mail.heads([device.mailbox]),
  ]);
  return {
    keyDigest: digestOf(document, own),
    accessDigest: accessDigest(document),
    ...counts,
    highestPrekeyId: highest,
    head: heads.get(device.mailbox) ?? 0,
    resumed,
    devices: ownDevicesOf(document),
  };
}
