/** Account documents and one-time prekeys, on ordered rows. */

import type { Directory } from "../../ports.js";
import type { PrekeyPools } from "./prekey-pools.js";
import type { VersionedRows } from "./versioned-rows.js";

/** The directory of a store. Documents it answers are shared and kept in memory: read them, never write into them. */
export function orderedDirectory(accounts: VersionedRows, pools: PrekeyPools): Directory {
  return {
    async account(account) {
      const version = await accounts.get(account);
      return version === undefined ? undefined : { revision: version.revision, document: version.value };
    },
    compareAndSet: (account, revision, document) => accounts.compareAndSet(account, revision, document),
    addPrekeys: (mailbox, kind, keys, max) => pools.add(mailbox, kind, keys, max),
    takePrekey: (mailbox, kind) => pools.take(mailbox, kind),
    countPrekeys: (mailbox, kind) => pools.count(mailbox, kind),
    highestPrekey: (mailbox, kind) => pools.highest(mailbox, kind),
    discardPrekeys: (mailbox, kind, below) => pools.discard(mailbox, kind, below),
  };
}
