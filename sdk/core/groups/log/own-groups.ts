/** Groups among own devices: what one decides, the others hear of; a new one is told all there is. */

import {
  accountIdFromBytes,
  accountIdToBytes,
  type ConversationId,
  type DeviceId,
  decodeContent,
  decodeGroupBody,
  deriveGroupSecret,
  encodeGroupBody,
  type GroupBody,
  MAX_GROUPS_PER_BODY,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Plan } from "../../inbox/plan.js";
import type { Queued } from "../../outbox/order.js";
import type { Outbox } from "../../outbox/outbox.js";
import type { StoreChange } from "../../ports.js";
import type { Row } from "../../rows.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import type { Shown } from "../shown.js";
import { mergedSecrets } from "./group-keys.js";
import { type GroupRows, type GroupStatus, isIn, type KeptGroup } from "./group-rows.js";
import type { OwnKeys } from "./own-keys.js";

type Told = GroupBody<"groups">["groups"][number];

/** What own devices are told with. */
export interface OwnGroupParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly rows: GroupRows;
  readonly keys: OwnKeys;
  readonly outbox: Pick<Outbox, "queue" | "vacancy">;
  readonly shown: Pick<Shown, "told" | "adopting" | "stating">;
  /** The other devices of this account. */
  others(): readonly DeviceId[];
}

/** Tells, and takes in. */
export class OwnGroups {
  constructor(private readonly parts: OwnGroupParts) {}

  /** The orders that tell the other devices where this account stands in a group; none without other devices. */
  tell(group: KeptGroup): readonly Queued[] {
    const { outbox, account, others } = this.parts;
    if (others().length === 0) return [];
    const body = encodeGroupBody("groups", { groups: [this.told(group)] });
    return [outbox.queue({ recipient: account.id, type: "groups", body })];
  }

  /** Queues everything for one device. Resolves once it is durable. */
  async serve(device: DeviceId): Promise<void> {
    const { rows, outbox, account, store } = this.parts;
    const open = (await rows.invitations()).filter(({ group }) => rows.get(group)?.status !== "joined");
    const all = [
      ...rows
        .all()
        .filter(({ group, status }) => status !== "invited" && !open.some((one) => one.group === group))
        .map((group) => this.told(group)),
      ...open.flatMap((invitation) => toldInvitation(invitation, rows.get(invitation.group))),
    ];
    await outbox.vacancy(Math.max(1, Math.ceil(all.length / MAX_GROUPS_PER_BODY)));
    const queued: Queued[] = [];
    for (let at = 0; at < all.length; at += MAX_GROUPS_PER_BODY) {
      const body = encodeGroupBody("groups", { groups: all.slice(at, at + MAX_GROUPS_PER_BODY) });
      queued.push(outbox.queue({ recipient: account.id, device, type: "groups", body }));
    }
    await store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
  }

  /** Takes in what another own device knows. Decided in the turn that commits it. */
  async adopt({ groups }: GroupBody<"groups">, adopted: (told: Told) => void): Promise<Plan> {
    const open = await Promise.all(groups.map(({ group }) => this.parts.rows.invitation(group)));
    return {
      build: () => groups.flatMap((one, at) => this.adoptOne(one, open[at])),
      after: groups.map((one) => () => adopted(one)),
    };
  }

  /** Ends an invitation that its log cannot be told of, and none that came since. Resolves once that is durable. */
  async putAway(group: ConversationId, invitation: Row<"invitation"> | undefined): Promise<void> {
    const { rows, store } = this.parts;
    const mine = rows.get(group);
    if (mine !== undefined && isIn(mine) && mine.status !== "invited") return;
    const fresh: KeptGroup = {
      ...{ group, version: 0, past: [], writers: [], secrets: [], wrapKeys: [] },
      ...{ status: "declined", state: undefined, claimed: undefined, checkpoint: undefined },
    };
    // Which one it was: another device keeps what was made since.
    const claimed = invitation && { seq: invitation.revision, head: invitation.entry };
    const kept: KeptGroup = { ...fresh, ...mine, status: "declined", secrets: [], wrapKeys: [], claimed };
    const change = rows.change({ ...kept, version: kept.version + 1 });
    const queued = this.tell({ ...kept, version: kept.version + 1 });
    const ended = rows.isInvitedBehind(group, invitation?.revision ?? 0) ? [] : [rows.withoutInvitation(group)];
    await store.commit([change, ...ended, ...queued.flatMap(({ changes }) => changes)]);
    for (const { sent } of queued) sent();
  }

  private told(group: KeptGroup): Told {
    return { ...told(group), shown: this.parts.shown.told(group.group, group.state) };
  }

  private adoptOne(theirs: Told, open: Row<"invitation"> | undefined): readonly StoreChange[] {
    const { shown, account } = this.parts;
    const stated = theirs.shown === undefined ? [] : shown.adopting(theirs.group, account.id, theirs.shown);
    return [...this.adoptStanding(theirs, open), ...stated];
  }

  private adoptStanding(theirs: Told, open: Row<"invitation"> | undefined): readonly StoreChange[] {
    const { rows } = this.parts;
    const mine = rows.get(theirs.group);
    if (theirs.status === "invited") {
      // What came here itself since may be newer: its secret is.
      const isOld = open !== undefined && open.revision > theirs.seq;
      return isOld ? [] : this.adoptInvitation(theirs, mine);
    }
    const isTheirsIn = theirs.status === "joined";
    if (mine === undefined || (theirs.version > mine.version && isIn(mine) !== isTheirsIn)) {
      // One that names a later entry was made since. Who put away what it knew nothing of names no entry.
      const isOpen = open !== undefined && theirs.seq > 0 && open.revision > theirs.seq;
      return [rows.change(this.adoptedFrom(theirs)), ...(isOpen ? [] : [rows.withoutInvitation(theirs.group)])];
    }
    if (!isTheirsIn || !isIn(mine)) return [];
    // The log tells the rest; what may be missing here is what it was locked with.
    return [rows.change({ ...mine, secrets: [...mergedSecrets(mine.secrets, theirs.secrets.flatMap(held))] })];
  }

  /** Where this account went in, the log is read from its beginning; where it went out, nothing is. */
  private adoptedFrom({ group, version, status, secrets, seq, head }: Told): KeptGroup {
    const { rows, keys } = this.parts;
    const isJoined = status === "joined";
    const before = rows.get(group);
    return {
      ...{ group, version, status, past: before?.past ?? [], writers: before?.writers ?? [], checkpoint: undefined },
      state: isJoined ? undefined : before?.state,
      secrets: isJoined ? [...mergedSecrets([], secrets.flatMap(held))] : [],
      wrapKeys: isJoined ? [...keys.kept(before?.wrapKeys ?? [])] : [],
      claimed: isJoined ? { seq, head: head.slice() } : undefined,
      wasMember: isJoined ? "yes" : before?.wasMember,
    };
  }

  private adoptInvitation(theirs: Told, mine: KeptGroup | undefined): readonly StoreChange[] {
    const { rows, shown } = this.parts;
    const { invitation, group, seq, head, version } = theirs;
    if (invitation === undefined || (mine !== undefined && (isIn(mine) || mine.version > version))) return [];
    const { epoch, secret, wrapPrivate, content: encoded } = decodeGroupBody("invitation", invitation.body);
    const content = decodeContent(encoded);
    if (content.kind !== "invitation" || content.group !== group) return [];
    const { title } = content;
    const by = accountIdFromBytes(invitation.by);
    const row: Row<"invitation"> = {
      ...{ group, by, revision: seq, entry: head.slice(), content: encoded.slice() },
      ...{ epoch, secret: secret.slice(), wrapPrivate: wrapPrivate.slice(), title, atMs: invitation.atMs },
    };
    return [rows.withInvitation(row), ...shown.stating(group, by, { title })];
  }
}

function told({ group, version, status, secrets, state, claimed }: KeptGroup): Told {
  const { seq, head } = state ?? claimed ?? { seq: 0, head: new Uint8Array(32) };
  return { group, version, status: asTold(status), secrets: secrets.map(handedOver), seq, head };
}

/** What was not answered yet is handed on as it came: the log is each device's own to read. */
function toldInvitation(invitation: Row<"invitation">, kept: KeptGroup | undefined): readonly Told[] {
  const { group, by, revision, entry, epoch, secret, wrapPrivate, content, atMs } = invitation;
  // One from before invitations could be reported says nothing that another device may show.
  if (content === undefined) return [];
  const body = encodeGroupBody("invitation", { epoch, secret, wrapPrivate, content });
  return [
    {
      ...{ group, version: kept?.version ?? 0, status: "invited", secrets: [], seq: revision, head: entry },
      invitation: { body, by: accountIdToBytes(by), atMs },
    },
  ];
}

/** Who waits has accepted; the rest the log tells. */
function asTold(status: GroupStatus): Told["status"] {
  return status === "waiting" ? "joined" : status;
}

/** A secret as it is kept: an admin's word may leave out what derives from it. */
function held({ epoch, secret, adminSecret }: Told["secrets"][number]): KeptGroup["secrets"] {
  const group = adminSecret === undefined ? secret?.slice() : deriveGroupSecret(adminSecret);
  return group === undefined ? [] : [{ epoch, secret: group, adminSecret: adminSecret?.slice() }];
}

function handedOver({ epoch, secret, adminSecret }: KeptGroup["secrets"][number]): Told["secrets"][number] {
  return adminSecret === undefined ? { epoch, secret } : { epoch, adminSecret };
}
