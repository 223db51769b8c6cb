/** Invitations that came and wait for an answer, as rows. */

import {
  type AccountId,
  type ConversationId,
  directConversationId,
  type GroupBody,
  type Payload,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Genuine } from "../franking/genuine.js";
import { nothing, type Plan } from "../inbox/plan.js";
import type { Clock } from "../ports.js";
import { decodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { everyInvitation, invitationTo } from "./invitation-rows.js";
import type { GroupLogs } from "./log/group-logs.js";
import { hasAccepted } from "./log/group-rows.js";
import type { Shown } from "./shown.js";

/** What keeping them works with. */
export interface InvitedParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly account: Pick<OwnAccount, "id">;
  readonly logs: Pick<GroupLogs, "get" | "status" | "withInvitation">;
  readonly shown: Pick<Shown, "stating">;
  /** A new invitation is durable. */
  invited(group: ConversationId): void;
}

/** What came from another account. */
interface Came {
  readonly payload: Extract<Payload, { readonly type: "invitation" }>;
  readonly body: GroupBody<"invitation">;
  /** What is shown of it. */
  readonly opened: Genuine;
}

/** Invitations that wait at once; one more is dropped, like everything beyond a bound that others could fill. */
const MAX_WAITING = 256;
/** Of one account: nobody leaves others without room. */
const MAX_OF_ONE = 32;

/** Keeps them. They are deleted by the log, with what answers them or takes them back. */
export class Invited {
  constructor(private readonly parts: InvitedParts) {}

  /** Every invitation that waits, oldest first; none to a group this account is in, as far as this device has read. */
  async pending(): Promise<readonly Row<"invitation">[]> {
    const pending = await everyInvitation(this.parts.store);
    return pending.filter(({ group }) => !this.isPresent(group)).sort((one, other) => one.atMs - other.atMs);
  }

  /** The invitation to a group; `undefined` if it was answered or taken back. */
  get(group: ConversationId): Promise<Row<"invitation"> | undefined> {
    return invitationTo(this.parts.store, group);
  }

  /**
   * For the inbox: an invitation came. One to a group this account is in already changes nothing, unless it names an entry that
   * was not read here yet: then this account may have been removed before it. Of several to one group the one that names the
   * latest entry counts, for its secret is the newest.
   */
  async arrived(by: AccountId, { payload, body, opened: { content } }: Came): Promise<Plan> {
    const { clock, logs, invited, shown } = this.parts;
    const { id: group, revision, head } = payload.group;
    const before = await this.get(group);
    if (before === undefined && !(await this.hasRoom(by))) return nothing;
    if (before !== undefined && before.revision > revision) return nothing;
    if (await this.isDirect(group, by)) return nothing;
    if (content.kind !== "invitation") return nothing;
    const { epoch, secret, wrapPrivate, content: encoded } = body;
    const { title } = content;
    const row = {
      ...{ group, by, revision, entry: head, epoch, secret, wrapPrivate, title },
      ...{ content: encoded, atMs: clock.now() },
    };
    return {
      // Another device may have accepted while this was looked at.
      build: () => {
        const isOld = this.isPresent(group) && revision <= (logs.get(group)?.state.seq ?? 0);
        if (isOld) return [];
        // Whoever is in knows better how it is called.
        const stated = this.isPresent(group) ? [] : shown.stating(group, by, { title });
        return [logs.withInvitation(row), ...stated];
      },
      after: [() => !this.isPresent(group) && invited(group)],
    };
  }

  private isPresent(group: ConversationId): boolean {
    return hasAccepted(this.parts.logs.status(group));
  }

  private async hasRoom(by: AccountId): Promise<boolean> {
    const kept = await everyInvitation(this.parts.store);
    return kept.length < MAX_WAITING && kept.filter((one) => one.by === by).length < MAX_OF_ONE;
  }

  /** A group under the id of a conversation between two would be kept in its place: nobody makes one by chance. */
  private async isDirect(group: ConversationId, by: AccountId): Promise<boolean> {
    const { store, account } = this.parts;
    if (group === directConversationId(account.id, by)) return true;
    const stored = await store.get(keys.conversation(store, group));
    return stored !== undefined && decodeRow("conversation", stored).peer !== undefined;
  }
}
