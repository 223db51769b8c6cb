/** Finds mail whose notice was lost on its way. */

import type { MailboxId } from "../ports.js";
import type { MailboxStream } from "./mailbox-stream.js";
import type { Rules } from "./rules.js";

/** Mailboxes asked about in one call of the store. */
const BATCH = 512;

/** Compares the head of every streamed mailbox with what its stream knows of. */
export async function catchUp(
  { store }: Pick<Rules, "store">,
  connections: Iterable<{ readonly mailboxStream: MailboxStream | undefined }>,
): Promise<void> {
  const streams = new Map<MailboxId, MailboxStream>();
  for (const { mailboxStream } of connections) if (mailboxStream) streams.set(mailboxStream.mailbox, mailboxStream);
  const mailboxes = [...streams.keys()];
  for (let first = 0; first < mailboxes.length; first += BATCH) {
    const heads = await store.mail.heads(mailboxes.slice(first, first + BATCH));
    for (const [mailbox, head] of heads) streams.get(mailbox)?.reaches(head);
  }
}
