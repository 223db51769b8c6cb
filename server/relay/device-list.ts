/** A send must name exactly the devices an account has; of the sender's own account it may name some. */

import type { AccountId, DeviceId, Frame } from "@sotto/protocol";
import type { AppendRow } from "../ports.js";
import type { Recipient } from "./accounts.js";

type RecipientOfSend = Frame<"send">["recipients"][number];

/** What is wrong with the devices named for one account. */
export type DeviceMismatch = Frame<"deviceMismatch">["accounts"][number];

/** Whether a send names an account twice, or a device of an account twice. */
export function namesTwice(recipients: readonly RecipientOfSend[]): boolean {
  for (let index = 0; index < recipients.length; index++) {
    const { account, envelopes } = recipients[index] as RecipientOfSend;
    for (let before = 0; before < index; before++) if (recipients[before]?.account === account) return true;
    for (let one = 1; one < envelopes.length; one++) {
      for (let other = 0; other < one; other++) {
        if (envelopes[other]?.device === envelopes[one]?.device) return true;
      }
    }
  }
  return false;
}

/**
 * Appends one row to `rows` for each envelope of an account, if they name exactly its devices. `sending` is the device of
 * this account that sends, if it is one of its own: it gets no envelope, and with the scope `listed` others may be left
 * out. Towards any other account that scope changes nothing: a sender must not be able to leave a device out.
 *
 * @returns what is wrong, or `undefined`. A device under another registration id is stale, and neither missing nor extra.
 */
export function addressDevices(
  recipient: Recipient,
  named: Pick<RecipientOfSend, "envelopes" | "scope">,
  sending: DeviceId | undefined,
  rows: AppendRow[],
): DeviceMismatch | undefined {
  const { envelopes } = named;
  const scope = sending === undefined ? "all" : named.scope;
  let matched = 0;
  for (const { device, registrationId, mailbox } of recipient.devices) {
    if (device === sending) continue;
    for (const envelope of envelopes) {
      if (envelope.device !== device) continue;
      if (envelope.registrationId !== registrationId) return mismatch(recipient, { envelopes, scope }, sending);
      rows.push({ mailbox, body: envelope.body });
      matched += 1;
    }
  }
  const expected = recipient.devices.length - (recipient.devices.some((one) => one.device === sending) ? 1 : 0);
  if (matched === envelopes.length && (scope === "listed" || matched === expected)) return undefined;
  return mismatch(recipient, { envelopes, scope }, sending);
}

function mismatch(
  { account, devices }: { readonly account: AccountId; readonly devices: Recipient["devices"] },
  { envelopes, scope }: Pick<RecipientOfSend, "envelopes" | "scope">,
  sending: DeviceId | undefined,
): DeviceMismatch {
  const expected = devices.filter(({ device }) => device !== sending);
  const named = (device: DeviceId) => envelopes.find((envelope) => envelope.device === device);
  const isStale = ({ device, registrationId }: (typeof expected)[number]) => {
    const envelope = named(device);
    return envelope !== undefined && envelope.registrationId !== registrationId;
  };
  const isMissing = ({ device }: (typeof expected)[number]) => scope === "all" && named(device) === undefined;
  return {
    account,
    missing: expected.filter(isMissing).map(({ device }) => device),
    extra: envelopes.map(({ device }) => device).filter((device) => !expected.some((one) => one.device === device)),
    stale: expected.filter(isStale).map(({ device }) => device),
  };
}
