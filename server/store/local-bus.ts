/** The bus of a relay that runs alone: whoever holds a device's connection is in this process. */

import type { Bus, MailboxId, Notice } from "../ports.js";

/** One attachment, which is also what its maker detaches by: a relay keeps one for every idle device. */
interface Holder {
  readonly listener: (notice: Notice) => void;
  detach(): void;
}

/** A bus within one process. It loses nothing, so it never reports a gap. */
export function localBus(): Bus {
  const holders = new Map<MailboxId, Holder>();
  return {
    publish(mailbox, notice) {
      const holder = holders.get(mailbox);
      if (holder === undefined) return false;
      holder.listener(notice);
      return true;
    },
    async attach(mailbox, listener) {
      // One of its own for each attachment: the same listener may attach twice and must displace itself.
      const holder: Holder = {
        listener,
        detach() {
          if (holders.get(mailbox) === holder) holders.delete(mailbox);
        },
      };
      const former = holders.get(mailbox);
      holders.set(mailbox, holder);
      former?.listener({ kind: "displaced" });
      return holder;
    },
    onGap() {
      return () => {};
    },
  };
}
