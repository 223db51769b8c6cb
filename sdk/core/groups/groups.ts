/** The groups of this account: one object for each. */

import type { ConversationId } from "@sotto/protocol";
import type { Whom } from "../consent/people.js";
import type { Group } from "./group.js";
import type { GroupLogs } from "./log/group-logs.js";
import { hasAccepted } from "./log/group-rows.js";
import { type SettingsChange, settingsEntry } from "./settings.js";

/** A group to be created. */
export interface NewGroup extends SettingsChange {
  /** Whom to invite at once. */
  readonly invite?: readonly (string | Whom)[] | undefined;
}

/** What groups work with. */
export interface GroupsParts {
  readonly logs: Pick<GroupLogs, "get" | "wasMember" | "all" | "create">;
  /** Makes the object of a group. */
  make(group: ConversationId): Promise<Group>;
}

/** Creates, lists and opens groups. */
export class Groups {
  private readonly open = new Map<ConversationId, Promise<Group>>();

  constructor(private readonly parts: GroupsParts) {}

  /**
   * Creates a group with this account as its owner, then invites.
   *
   * If an invitation fails, the group is there all the same, and the error says why; `list()` has it.
   *
   * @throws invalidArgument, tooLarge; offline; what `Group.invite` throws.
   */
  async create({ invite = [], ...settings }: NewGroup = {}): Promise<Group> {
    const { id } = await this.parts.logs.create(settingsEntry(settings));
    const group = await this.of(id);
    await group.invite(...invite);
    return group;
  }

  /** Every group this account is in or waits to be let into. */
  async list(): Promise<readonly Group[]> {
    const present = this.parts.logs.all().filter(({ status }) => hasAccepted(status));
    return Promise.all(present.map(({ id }) => this.of(id)));
  }

  /** A group this account is or was in, also if it is asked to come back; `undefined` for any other. */
  async get(id: ConversationId): Promise<Group | undefined> {
    const { logs } = this.parts;
    const status = logs.get(id)?.status;
    if (status === undefined) return undefined;
    const isShown = hasAccepted(status) || status === "left" || logs.wasMember(id);
    return isShown ? this.of(id) : undefined;
  }

  /** For other parts: the object of a group there is. */
  of(id: ConversationId): Promise<Group> {
    const present = this.open.get(id);
    if (present !== undefined) return present;
    const making = this.parts.make(id);
    this.open.set(id, making);
    making.catch(() => this.open.delete(id));
    return making;
  }
}
