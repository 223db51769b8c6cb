/** Puts a store together on any engine. */

import type { ConversationId } from "@sotto/protocol";
import { type Clock, type Guarantee, type Store, StoreError } from "../../ports.js";
import type { Durability, Engine } from "../engine.js";
import { Dedupe } from "./dedupe.js";
import { orderedDirectory } from "./directory.js";
import { EnvelopeRemoval } from "./envelope-removal.js";
import { Expiry } from "./expiry.js";
import { settleFormat } from "./format.js";
import { LogExpiry } from "./log-expiry.js";
import { LogHeads } from "./log-heads.js";
import { orderedLogs } from "./logs.js";
import { MailboxSlots } from "./mailbox-slots.js";
import { orderedMailboxes } from "./mailboxes.js";
import { Numbers } from "./numbers.js";
import { PrekeyPools } from "./prekey-pools.js";
import { SharedEnds } from "./shared-ends.js";
import { orderedTable } from "./table.js";
import { Turns } from "./turns.js";
import { VersionedRows } from "./versioned-rows.js";
import { Writer } from "./writer.js";

/** Account documents kept in memory: the accounts that write and are written to these minutes. */
const REMEMBERED_ACCOUNTS = 8_192;

/** What a store is made of. */
export interface OrderedStoreOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly durability: Durability;
  /** Mailboxes kept in memory while idle; tests make it small. */
  readonly residentMailboxes?: number;
}

/** A store whose rules are the same on every engine. */
export function orderedStore({ engine, clock, durability, residentMailboxes }: OrderedStoreOptions): Store {
  const writer = new Writer(engine, durability);
  const numbers = new Numbers();
  const slots = new MailboxSlots(engine, residentMailboxes);
  const dedupe = new Dedupe(engine, writer);
  const now = () => clock.now();
  const accounts = new VersionedRows({
    kind: "account",
    engine,
    writer,
    numbers,
    now,
    remembered: REMEMBERED_ACCOUNTS,
  });
  const table = new VersionedRows({ kind: "table", engine, writer, numbers, now, remembered: 0 });
  const pools = new PrekeyPools(engine, writer);
  const ends = new SharedEnds(engine, numbers);
  const removal = new EnvelopeRemoval(ends);
  const expiry = new Expiry({ engine, writer, slots, removal, dedupe, table, clock });
  const heads = new LogHeads(engine);
  const turns = new Turns<ConversationId>();
  let state: "new" | "open" | "closed" = "new";
  let closing: Promise<void> | undefined;

  return {
    mail: orderedMailboxes({
      engine,
      writer,
      numbers,
      slots,
      dedupe,
      ends,
      removal,
      expiry,
      revisionOf: (account) => accounts.current(account)?.revision,
      logAt: (group) => ({ seq: heads.latest(group)?.seq ?? 0, written: heads.writing(group) }),
      withPrekeys: (mailbox, change) => pools.forDrop(mailbox, change),
    }),
    directory: orderedDirectory(accounts, pools),
    table: orderedTable(table),
    logs: orderedLogs({
      engine,
      writer,
      numbers,
      heads,
      turns,
      expiry: new LogExpiry({ engine, writer, heads, turns }),
    }),
    failed: writer.failed,

    async open() {
      if (state !== "new") throw new StoreError("fatal", "A store is opened once; make a new one.");
      await engine.open();
      try {
        await settleFormat(engine);
        numbers.load(engine);
        await dedupe.load();
      } catch (error) {
        await engine.close();
        throw error;
      }
      state = "open";
      writer.open();
      const guarantee: Guarantee = durability === "synced" ? engine.guarantee : "none";
      return { guarantee };
    },

    close() {
      const wasOpen = state === "open";
      state = "closed";
      closing ??= writer.close().then(() => (wasOpen ? engine.close() : undefined));
      return closing;
    },
  };
}
