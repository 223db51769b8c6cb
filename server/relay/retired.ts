/** Mailboxes of former devices: dropped after the document let go of them, however often we crash in between. */

import type { AccountId } from "@sotto/protocol";
import { type AccountDocument, type Device, mailboxOf } from "./account.js";
import { forgetParked } from "./parked.js";
import type { Rules } from "./rules.js";

/** The document without these of its devices; their mailboxes are yet to be dropped. */
export function retire(document: AccountDocument, leaving: readonly Device[]): AccountDocument {
  return {
    ...document,
    devices: document.devices.filter((one) => !leaving.includes(one)),
    retired: [...document.retired, ...leaving.map(({ device, registrationId }) => ({ device, registrationId }))],
  };
}

/**
 * Drops the mailboxes an account no longer owns, and tells whoever still holds them.
 *
 * Idempotent: the document lists them until they are gone, so a crash leaves work for the next sweep and nothing else.
 */
export async function dropRetired(rules: Rules, account: AccountId): Promise<void> {
  const { accounts, bus, store } = rules;
  const loaded = await accounts.load(account);
  if (loaded === undefined || loaded.document.retired.length === 0) return;
  const gone = new Set(loaded.document.retired.map((former) => mailboxOf(account, former)));
  for (const mailbox of gone) {
    bus.publish(mailbox, { kind: "revoked" });
    await store.mail.drop(mailbox);
    await forgetParked(rules, mailbox);
  }
  await accounts.change(account, (document) => ({
    ...document,
    retired: document.retired.filter((former) => !gone.has(mailboxOf(account, former))),
  }));
}
