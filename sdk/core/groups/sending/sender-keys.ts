/** The sender keys of groups: other devices' are taken and bound to their group, this device's follows who may read. */

import type { AccountId, ConversationId, DeviceId, GroupBody } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Counters } from "../../counters.js";
import { nothing, type Plan } from "../../inbox/plan.js";
import { type Address, type Clock, type Engine, EngineRefusal, type StoreChange } from "../../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row, range } from "../../rows.js";
import { CollectedRecords } from "../../sessions/engine-records.js";
import type { Peers } from "../../sessions/peers.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import type { GroupChanged } from "../log/group-logs.js";
import type { Distributions } from "./distributions.js";

/** Keys of one device for one group that are kept, the newest: mail under earlier ones may still wait in the mailbox. */
const MAX_KEYS = 5;
/** Keys of one device that are looked through: of all groups this account shares with it. */
const MAX_SEEN = 4_096;
/** Mail under a key of somebody who left has expired at every relay. */
const KEEP_MS = 31 * 24 * 3_600_000;
/** Deletions of one commit. */
const BATCH = 256;

/** What sender keys work with. */
export interface SenderKeyParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly engine: Pick<Engine, "takeSenderKey">;
  readonly distributions: Pick<Distributions, "dropped" | "dropAll" | "unheld">;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** A key as another device hands it over, inside a session. */
export interface HandedKey {
  readonly group: { readonly id: ConversationId };
  readonly body: GroupBody<"senderKey">;
}

interface Kept {
  readonly key: string;
  readonly row: Row<"senderKeyGroup">;
}

/** Keeps them. */
export class SenderKeys {
  constructor(private readonly parts: SenderKeyParts) {}

  /** Forgets the keys of those who left long ago. Called once, when a client starts. */
  async load(): Promise<void> {
    const { store, clock } = this.parts;
    const oldestMs = clock.now() - KEEP_MS;
    let gone: StoreChange[] = [];
    for await (const { key, value } of eachRow(store, keys.senderKeyGroups)) {
      const { leftMs } = decodeRow("senderKeyGroup", value);
      if (leftMs !== undefined && leftMs < oldestMs) gone.push(...forgotten(key));
      if (gone.length < BATCH) continue;
      await store.commit(gone);
      gone = [];
    }
    if (gone.length > 0) await store.commit(gone);
  }

  /**
   * Takes a key that another device handed over for a group, under its account's lock. The oldest beyond five go. A key that
   * is none, or that was handed over for another group before, changes nothing.
   */
  async take(sender: Address, { group, body: { distribution, message } }: HandedKey): Promise<Plan> {
    const { store, account, peers, engine, clock, counters } = this.parts;
    const bound = await this.groupOf(sender, distribution);
    if (bound !== undefined && bound !== group.id) {
      counters.count("senderKeysRefused");
      return nothing;
    }
    const records = new CollectedRecords(store, account, peers);
    try {
      records.collect(await engine.takeSenderKey(records, sender, { distribution, message }));
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error;
      counters.count("senderKeysRefused");
      return nothing;
    }
    const key = keys.senderKeyGroup(store, sender.account, sender.device, distribution);
    const row: Row<"senderKeyGroup"> = { group: group.id, sinceMs: clock.now() };
    const surplus = await this.surplus(sender, { key, row });
    return {
      build: () => [...records.takeChanges(), { key, value: encodeRow("senderKeyGroup", row) }, ...surplus],
      after: [],
    };
  }

  /** Which group another device handed this key over for; `undefined` for a key that is not held. */
  async groupOf({ account, device }: Address, distribution: Uint8Array): Promise<ConversationId | undefined> {
    const { store } = this.parts;
    const stored = await store.get(keys.senderKeyGroup(store, account, device, distribution));
    return stored === undefined ? undefined : decodeRow("senderKeyGroup", stored).group;
  }

  /**
   * What a change of a group means for its keys: those of members that left are kept a while for what they said before, and
   * then go; if this account is no member any more, its own goes at once. (While it is one, the next send replaces the own
   * key if the audience moved.)
   */
  async forget({ before, after }: GroupChanged): Promise<Plan> {
    if (before === undefined) return nothing;
    const { account, distributions } = this.parts;
    const isIn = after.status === "joined";
    const stay = new Set(isIn ? after.state.members.map((member) => member.account) : []);
    const changes: StoreChange[] = [];
    for (const member of before.state.members) {
      if (stay.has(member.account) || member.account === account.id) continue;
      changes.push(...(await this.leaving(after.id, member.account)));
    }
    if (!isIn) changes.push(...(await distributions.dropped(after.id)));
    return { build: () => changes, after: [] };
  }

  /** The change after which an account's devices are handed the own key of a group anew, with the next send or before. */
  again(group: ConversationId, account: AccountId): StoreChange {
    return this.parts.distributions.unheld(group, account);
  }

  /**
   * Leaves this device without keys of its own: its state may be older than the newest one. Call it before sessions are
   * retired, so that a crash between the two leaves the sign that both are due. Resolves once that is durable.
   */
  retire(): Promise<void> {
    return this.parts.distributions.dropAll();
  }

  private async leaving(group: ConversationId, account: AccountId): Promise<readonly StoreChange[]> {
    const { store, clock, distributions } = this.parts;
    const changes: StoreChange[] = [distributions.unheld(group, account)];
    for await (const { key, value } of eachRow(store, keys.senderKeyGroupsOf(store, account))) {
      const row = decodeRow("senderKeyGroup", value);
      if (row.group !== group || row.leftMs !== undefined) continue;
      changes.push({ key, value: encodeRow("senderKeyGroup", { ...row, leftMs: clock.now() }) });
    }
    return changes;
  }

  /** What one more key of a device for a group pushes out. */
  private async surplus({ account, device }: Address, taken: Kept): Promise<readonly StoreChange[]> {
    const kept = (await this.keptOf(account, device)).filter(
      ({ key, row }) => key !== taken.key && row.group === taken.row.group,
    );
    kept.sort((one, other) => other.row.sinceMs - one.row.sinceMs);
    return kept.slice(MAX_KEYS - 1).flatMap(({ key }) => forgotten(key));
  }

  private async keptOf(account: AccountId, device: DeviceId): Promise<readonly Kept[]> {
    const { store } = this.parts;
    const stored = await store.list(range(`${keys.senderKeyGroupsOf(store, account)}${device}/`, MAX_SEEN));
    return stored.map(({ key, value }) => ({ key, row: decodeRow("senderKeyGroup", value) }));
  }
}

/** Both rows of a key: they end in the same names. */
function forgotten(groupKey: string): readonly StoreChange[] {
  const recordKey = `${keys.senderKeys}${groupKey.slice(keys.senderKeyGroups.length)}`;
  return [
    { key: groupKey, value: undefined },
    { key: recordKey, value: undefined },
  ];
}
