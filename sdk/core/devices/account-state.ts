/** What devices of one account agree on besides messages: its settings and its decisions on others, as versions to merge. */

import {
  type AccountId,
  type AccountRole,
  type ContactState,
  type DeviceId,
  decodeOwnBody,
  encodeOwnBody,
  equalBytes,
  firstContactPolicies,
  MAX_CONTACTS_PER_STATE,
  type OwnBody,
  type OwnState,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Arrivals } from "../consent/arrivals.js";
import type { Plan } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Queued } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Roles } from "../sessions/roles.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { mergedContact } from "./merged-contact.js";

/** What account state works with. */
export interface AccountStateParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly roles: Pick<Roles, "of" | "heard">;
  readonly locks: KeyedLock;
  readonly outbox: Pick<Outbox, "queue" | "vacancy">;
  /** The other devices of this account. */
  others(): readonly DeviceId[];
  readonly arrivals: Pick<Arrivals, "moved">;
  /** Settings that the relay or contacts were told of are others than before, and durable. */
  accessMerged(what: { readonly profileKey: "same" | "other" }): void;
}

/** What own devices are told of; `last` if a new one knows everything with it. */
export interface Told {
  readonly own?: "own" | undefined;
  readonly contacts: readonly AccountId[];
  /** Only this one is told. */
  readonly device?: DeviceId | undefined;
  readonly last?: "yes" | undefined;
}

/** Tells own devices what changed here, and takes in what changed there. */
export class AccountState {
  constructor(private readonly parts: AccountStateParts) {}

  /**
   * The orders that tell the other devices this account's settings, contacts, or both; none without other devices.
   *
   * An order names what it is about and is filled in when it leaves (`filled`): committed with a change, it tells of it.
   */
  queue(what: Told): readonly Queued[] {
    const { others, outbox, account } = this.parts;
    if (others().length === 0) return [];
    return bodiesOf(what, this.ownState()).map((body) =>
      outbox.queue({ recipient: account.id, device: what.device, type: "state", body: encodeOwnBody("state", body) }),
    );
  }

  /** The body of an order as it leaves: what it is about, as it is now. */
  async filled(body: Uint8Array): Promise<Uint8Array> {
    const { peers, roles, account } = this.parts;
    const { own, contacts, last } = decodeOwnBody("state", body);
    const known = await Promise.all(
      contacts.map(async ({ account }) => contactState(await peers.get(account), await roles.of(account))),
    );
    // Who was not told everything does not know everything.
    const isWhole = last === "yes" && account.current.awaiting === undefined;
    return encodeOwnBody("state", {
      own: own === undefined ? undefined : this.ownState(),
      contacts: known,
      last: isWhole ? "yes" : "no",
    });
  }

  /** Queues everything for one device. Resolves once it is durable. */
  async serve(device: DeviceId): Promise<void> {
    const { store, account, outbox } = this.parts;
    const contacts: AccountId[] = [];
    for await (const { value } of eachRow(store, keys.peers)) {
      const { account: id } = decodeRow("peer", value);
      if (id !== account.id) contacts.push(id);
    }
    await outbox.vacancy(1 + Math.ceil(contacts.length / MAX_CONTACTS_PER_STATE));
    const queued = this.queue({ own: "own", contacts, device, last: "yes" });
    await store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
  }

  /**
   * Takes in what another device of this account says. `commit` runs under the locks of everybody it is about, inside the
   * own account's lock, and commits the plan with what belongs to it.
   */
  async merge<T>(body: OwnBody<"state">, commit: (plan: Plan) => T | Promise<T>): Promise<T> {
    const contacts = new Map(body.contacts.map((contact) => [contact.account, contact]));
    contacts.delete(this.parts.account.id);
    return this.locked([...contacts.keys()].sort(), async () => {
      const plans: Plan[] = [];
      for (const contact of contacts.values()) plans.push(await this.contact(contact));
      const own = body.own === undefined ? undefined : this.own(body.own);
      return commit({
        build: () => [...(own?.build() ?? []), ...plans.flatMap((plan) => plan.build())],
        after: [...plans.flatMap(({ after }) => after), ...(own?.after ?? [])],
      });
    });
  }

  private ownState(): OwnState {
    const { profileKey, profileKeyVersion, name, nameVersion, policy, policyVersion } = this.parts.account.current;
    return { profileKey, profileKeyVersion, name, nameVersion, policy, policyVersion };
  }

  /** One lock inside the other, always in the same order. */
  private locked<T>(ids: readonly AccountId[], work: () => Promise<T>): Promise<T> {
    const [first, ...further] = ids;
    if (first === undefined) return work();
    return this.parts.locks.run(first, () => this.locked(further, work));
  }

  private async contact(theirs: ContactState): Promise<Plan> {
    const { peers, roles, arrivals } = this.parts;
    const before = await peers.get(theirs.account);
    const after = mergedContact(before, theirs);
    const certified = theirs.role === "person" ? [] : await roles.heard(theirs.account, theirs.role);
    if (after === before) return { build: () => certified, after: [] };
    const moved = await arrivals.moved(before, after);
    const isNamed = after.userId !== undefined && after.userId !== before.userId;
    const changes = isNamed ? peers.remember(after, after.userId) : [peers.change(after)];
    return { build: () => [...changes, ...certified, ...moved.changes], after: moved.after };
  }

  /** Reads and changes in one turn, so that nothing decided here meanwhile is overwritten. */
  private own(theirs: OwnState): Plan {
    const { account, accessMerged } = this.parts;
    let tell: (() => void) | undefined;
    return {
      build: (): readonly StoreChange[] => {
        const mine = account.current;
        const isKey = wins(
          theirs.profileKeyVersion - mine.profileKeyVersion,
          compareBytes(theirs.profileKey, mine.profileKey),
        );
        const isName = wins(theirs.nameVersion - mine.nameVersion, compareText(theirs.name, mine.name));
        const isPolicy = wins(theirs.policyVersion - mine.policyVersion, strictness(theirs) - strictness(mine));
        if (isKey || isPolicy) tell = () => accessMerged({ profileKey: isKey ? "other" : "same" });
        if (!isKey && !isName && !isPolicy) return [];
        const { profileKey, profileKeyVersion, name, nameVersion, policy, policyVersion } = theirs;
        return [
          account.change({
            ...(isKey ? { profileKey: profileKey.slice(), profileKeyVersion } : {}),
            ...(isName ? { name, nameVersion } : {}),
            ...(isPolicy ? { policy, policyVersion } : {}),
          }),
        ];
      },
      after: [() => tell?.()],
    };
  }
}

/** Bodies that name what is to be told, in as few parts as hold it. */
function bodiesOf({ own, contacts, last }: Told, ownState: OwnState): readonly OwnBody<"state">[] {
  const named = contacts.map(
    (account) => ({ account, version: 0, relation: "none", verification: "unverified", role: "person" }) as const,
  );
  const parts: OwnBody<"state">[] = [];
  for (let at = 0; at < named.length; at += MAX_CONTACTS_PER_STATE) {
    parts.push({ contacts: named.slice(at, at + MAX_CONTACTS_PER_STATE), last: "no" });
  }
  if (own !== undefined) {
    const [first = { contacts: [], last: "no" }] = parts;
    parts.splice(0, 1, { ...first, own: ownState });
  }
  return parts.map((part, index) => (index === parts.length - 1 && last === "yes" ? { ...part, last } : part));
}

/** A contact as other devices are told of it. */
function contactState(row: Row<"peer">, role: AccountRole): ContactState {
  const { account, relation, relationVersion, userId, identityKey, verification, profileKey, name } = row;
  return {
    ...{ account, version: relationVersion, relation, identityKey, verification, profileKey, name, role },
    userId: userId === "" ? undefined : userId,
  };
}

/** The later version; of one version, the greater value. */
function wins(versions: number, values: number): boolean {
  return versions > 0 || (versions === 0 && values > 0);
}

function strictness({ policy }: Pick<OwnState, "policy">): number {
  return firstContactPolicies.indexOf(policy);
}

function compareBytes(one: Uint8Array, other: Uint8Array): number {
  if (equalBytes(one, other)) return 0;
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return (one[at] ?? 0) - (other[at] ?? 0);
}

function compareText(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  return (one ?? "") > (other ?? "") ? 1 : -1;
}
