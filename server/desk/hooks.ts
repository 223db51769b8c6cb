/** Calls whoever listens for cases, again and again with longer pauses, and gives a call up in the end. */

import type { CallWebhook } from "./ports.js";
import { hookSignature, type WorkParts } from "./work.js";

const MAX_TRIES = 8;
const FIRST_PAUSE_MS = 30_000;
/** Calls in one go: the desk's other duties come once a minute, and wait for these. */
const MAX_CALLS = 64;

/** Makes the calls that are due, until one is not taken: who does not answer one call in ten seconds is not asked a thousand times. */
export async function callHooks(parts: WorkParts, call: CallWebhook): Promise<void> {
  const { tables, ledger, settings, now, trouble } = parts;
  const { webhook } = settings;
  if (webhook === undefined) return;
  const due = (await tables.webhook.all()).filter(({ value }) => value.dueMs <= now());
  for (const { key, value } of due.slice(0, MAX_CALLS)) {
    try {
      await call(webhook.url, value.body, hookSignature(webhook.secret, value.body));
      await ledger.commit([tables.webhook.drop(key)]);
    } catch (cause) {
      const tries = value.tries + 1;
      const isLast = tries >= MAX_TRIES;
      const later = { ...value, tries, dueMs: now() + FIRST_PAUSE_MS * 2 ** tries };
      await ledger.commit([isLast ? tables.webhook.drop(key) : tables.webhook.put(key, later)]);
      trouble(isLast ? "webhookGivenUp" : "webhook", cause);
      return;
    }
  }
}
