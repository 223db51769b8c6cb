/** The bus of a relay that runs alone: whoever holds a device's connection is in this process. */

import type { Bus, MailboxId, Notice } from "../ports.js";

/** A bus within one process. It loses nothing, so it never reports a gap. */
export function localBus(): Bus {
  const holders = new Map<MailboxId, (notice: Notice) => void>();
  return {
    publish(mailbox, notice) {
      const holder = holders.get(mailbox);
      if (holder === undefined) return false;
      holder(notice);
      return true;
    },
    async attach(mailbox, listener) {
      // A function of its own for each attachment: the same listener may attach twice and must displace itself.
      const holder = (notice: Notice) => listener(notice);
      const former = holders.get(mailbox);
      holders.set(mailbox, holder);
      former?.({ kind: "displaced" });
      return {
        detach() {
          if (holders.get(mailbox) === holder) holders.delete(mailbox);
        },
      };
    },
    onGap() {
      return () => {};
    },
  };
}
