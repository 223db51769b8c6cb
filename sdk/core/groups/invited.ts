/** Invitations that came and wait for an answer, as rows. */

import {
  type AccountId,
  type ConversationId,
  directConversationId,
  type GroupBody,
  type Payload,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { nothing, type Plan } from "../inbox/plan.js";
import type { Clock } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { GroupLogs } from "./log/group-logs.js";

/** What keeping them works with. */
export interface InvitedParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly account: Pick<OwnAccount, "id">;
  readonly logs: Pick<GroupLogs, "status">;
  /** A new invitation is durable. */
  invited(group: ConversationId): void;
}

/** What came from another account. */
interface Came {
  readonly payload: Extract<Payload, { readonly type: "invitation" }>;
  readonly body: GroupBody<"invitation">;
}

/** Invitations that wait at once; one more is dropped, like everything beyond a bound that others could fill. */
const MAX_WAITING = 256;
/** Of one account: nobody leaves others without room. */
const MAX_OF_ONE = 32;

/** Keeps them. They are deleted by the log, with what answers them or takes them back. */
export class Invited {
  constructor(private readonly parts: InvitedParts) {}

  /** Every invitation that waits, oldest first. */
  async pending(): Promise<readonly Row<"invitation">[]> {
    const pending: Row<"invitation">[] = [];
    for await (const { value } of eachRow(this.parts.store, keys.invitations)) {
      pending.push(decodeRow("invitation", value));
    }
    return pending.sort((one, other) => one.atMs - other.atMs);
  }

  /** The invitation to a group; `undefined` if it was answered or taken back. */
  async get(group: ConversationId): Promise<Row<"invitation"> | undefined> {
    const stored = await this.parts.store.get(keys.invitation(this.parts.store, group));
    return stored === undefined ? undefined : decodeRow("invitation", stored);
  }

  /**
   * For the inbox: an invitation came. One to a group this account is in already changes nothing; of several to one group the
   * one that names the latest entry counts, for its secret is the newest.
   */
  async arrived(by: AccountId, { payload, body }: Came): Promise<Plan> {
    const { store, clock, invited } = this.parts;
    const { id: group, revision, head } = payload.group;
    const before = await this.get(group);
    if (before === undefined && !(await this.hasRoom(by))) return nothing;
    if (before !== undefined && before.revision > revision) return nothing;
    if (await this.isDirect(group, by)) return nothing;
    const { epoch, secret, wrapPrivate, title } = body;
    const row = { group, by, revision, entry: head, epoch, secret, wrapPrivate, title, atMs: clock.now() };
    return {
      // Another device may have accepted while this was looked at.
      build: () =>
        this.isPresent(group) ? [] : [{ key: keys.invitation(store, group), value: encodeRow("invitation", row) }],
      after: [() => invited(group)],
    };
  }

  private isPresent(group: ConversationId): boolean {
    const status = this.parts.logs.status(group);
    return status === "joined" || status === "waiting";
  }

  private async hasRoom(by: AccountId): Promise<boolean> {
    const pending = await this.pending();
    return pending.length < MAX_WAITING && pending.filter((one) => one.by === by).length < MAX_OF_ONE;
  }

  /** A group under the id of a conversation between two would be kept in its place: nobody makes one by chance. */
  private async isDirect(group: ConversationId, by: AccountId): Promise<boolean> {
    const { store, account } = this.parts;
    if (group === directConversationId(account.id, by)) return true;
    const stored = await store.get(keys.conversation(store, group));
    return stored !== undefined && decodeRow("conversation", stored).peer !== undefined;
  }
}
