/** The end of a client's parts. */

import { SottoError } from "@sotto/protocol";
import type { ClientParts } from "./parts.js";

/** Ends the parts in an order that loses nothing: what was said is durable before the store closes. */
export async function closeParts(parts: ClientParts): Promise<void> {
  parts.firstState.close();
  parts.attachments.close();
  await parts.uploads.close();
  parts.introductions.close();
  await parts.sender.settled();
  parts.devices.close();
  parts.access.close();
  parts.registers.close();
  parts.registerOrders.close();
  // What the relay delivers now comes again to the next client.
  parts.inbox.close();
  parts.groupMail.close();
  parts.groupLogs.close();
  parts.groupDispatch.close();
  parts.history.close();
  parts.outbox.close();
  parts.evidenceUpkeep.close();
  parts.relayCheck.close();
  parts.tokens.close();
  parts.realm.close();
  parts.reportSending.close();
  parts.deskNotes.close();
  parts.keptSends.close();
  parts.receipts.close();
  parts.repairs.close();
  parts.disappearing.close();
  await parts.disappearing.settled();
  await parts.inbox.settled();
  await parts.groupMail.settled();
  // From here on nothing encrypts or decrypts, so this state is the newest there will be.
  await parts.locks.close();
  // Without a token the next client starts as after a crash; nothing else depends on it.
  await parts.recovery.park().catch(() => undefined);
  parts.relay.close();
  parts.handles.close(new SottoError("closed"));
  parts.conversations.close();
  await parts.searchIndex.close();
  await parts.store.close();
}
