/** Encrypts a row for a whole group: once the log was read, the key is handed to who lacks it, then the row is sealed to all. */

import {
  type AccountId,
  accessTag,
  type ConversationId,
  encodePayload,
  type Frame,
  type GroupStanding,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import { readStored } from "../../conversations/stored-content.js";
import type { Counters } from "../../counters.js";
import type { Franked, Franker } from "../../franking/franker.js";
import { type Dispatched, LATER, type SaidInGroup } from "../../outbox/outcome.js";
import { outgoingPayload } from "../../outbox/outgoing-payload.js";
import { type AbortSignalLike, EngineRefusal } from "../../ports.js";
import type { Row } from "../../rows.js";
import type { Sessions } from "../../sessions/sessions.js";
import type { GroupLogs, GroupSnapshot } from "../log/group-logs.js";
import { mayWrite } from "../state/permissions.js";
import { type Audience, audienceOf, holdingOf, type Reached, type Tried } from "./audience.js";
import type { Distributions } from "./distributions.js";
import type { Fellows } from "./fellows.js";
import { inParallel } from "./in-parallel.js";
import type { KeySharing, Unreached } from "./key-sharing.js";

/** Rounds of handing the key over before one encryption: each follows what the one before found out. */
const MAX_ROUNDS = 6;
/** Members whose sessions are opened at once. */
const WIDTH = 16;

/** What sealing works with. */
export interface SealingParts {
  readonly account: OwnAccount;
  readonly logs: Pick<GroupLogs, "get" | "standing" | "signSend">;
  readonly fellows: Pick<Fellows, "of">;
  readonly sessions: Pick<Sessions, "devicesOf" | "open">;
  readonly distributions: Distributions;
  readonly sharing: Pick<KeySharing, "share">;
  /** The relay's clock. */
  nowMs(): number;
  readonly counters: Counters;
  readonly franker: Pick<Franker, "franked">;
}

/** A row for a whole group, encrypted. */
export interface Sealed {
  readonly group: ConversationId;
  readonly reached: readonly Reached[];
  readonly said: SaidInGroup;
  readonly durable: Promise<void>;
  readonly frame: Omit<Frame<"sendGroup">, "id">;
}

/** What a row came to before it was sent. */
export type Prepared =
  | { readonly kind: "sealed"; readonly sealed: Sealed }
  /** As far as the log was read here, there is nobody else. What `said` was holds if the log ends there. */
  | { readonly kind: "alone"; readonly said: SaidInGroup }
  /** Those there are cannot be written to, or not now. */
  | { readonly kind: "concluded"; readonly outcome: Dispatched };

/** The key that is handed over. */
interface Sharing {
  readonly group: ConversationId;
  readonly distribution: Uint8Array;
  readonly signal: AbortSignalLike;
}

/** Seals rows. */
export class Sealing {
  constructor(private readonly parts: SealingParts) {}

  /**
   * Encrypts a row for all others who are members now, and hands the key to who lacks it. Callers hold the lock
   * `sending/<group>`. Aborting `signal` ends it between two members.
   *
   * @throws groupLeft or groupDenied if this account may not say it; what is about the way to the relay; badRelay; aborted.
   */
  async prepare(row: Row<"outbox">, group: ConversationId, signal: AbortSignalLike): Promise<Prepared> {
    const { distributions } = this.parts;
    let tried: Tried = new Map();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (signal.aborted) throw new SottoError("aborted");
      const snapshot = this.snapshotFor(row, group);
      const audience = await audienceOf(this.parts, snapshot, tried);
      if (audience.reached.length === 0) return this.unheard(group, audience);
      const distribution =
        (await distributions.present(group, snapshot.state.audience)) ?? (await this.renew(snapshot));
      const { isLeaked, lacking } = await holdingOf(this.parts, audience, { group, distribution });
      if (isLeaked) await this.renew(snapshot);
      else if (lacking.length > 0) tried = await this.share({ group, distribution, signal }, lacking, tried);
      else {
        const franked = await this.parts.franker.franked(row, { kind: "group", standing: standingOf(snapshot) });
        if (franked === undefined) return { kind: "concluded", outcome: LATER };
        const sealed = await this.seal(row, { snapshot, audience, distribution, franked });
        if (sealed !== undefined) return { kind: "sealed", sealed };
      }
    }
    return { kind: "concluded", outcome: LATER };
  }

  private unheard(group: ConversationId, { mistrusted, denied }: Audience): Prepared {
    if (denied.length > 0) return { kind: "concluded", outcome: LATER };
    if (mistrusted.length > 0) {
      return { kind: "concluded", outcome: { kind: "failed", error: new SottoError("identityChanged") } };
    }
    const { revision, head } = this.parts.logs.standing(group);
    return { kind: "alone", said: { standing: { revision, head }, leftOut: [] } };
  }

  private async renew({ id, state }: Pick<GroupSnapshot, "id" | "state">): Promise<Uint8Array> {
    this.parts.counters.count("senderKeysMade");
    return this.parts.distributions.renew(id, state.audience);
  }

  private async share(
    { group, distribution, signal }: Sharing,
    lacking: readonly Reached[],
    tried: Tried,
  ): Promise<Tried> {
    const { sharing, logs } = this.parts;
    const key = { standing: logs.standing(group), distribution };
    const unreached = await sharing.share(key, lacking, signal);
    const failed = lacking.flatMap((member): [AccountId, { why: Unreached; member: Reached }][] => {
      const why = unreached.get(member.account);
      return why === undefined ? [] : [[member.account, { why, member }]];
    });
    return new Map([...tried, ...failed]);
  }

  /** Encrypts and signs; `undefined` if something has to be made good first, or the log was read further meanwhile. */
  private async seal(
    row: Row<"outbox">,
    {
      snapshot,
      audience,
      distribution,
      franked: { frank, commitment },
    }: {
      readonly snapshot: GroupSnapshot;
      readonly audience: Audience;
      readonly distribution: Uint8Array;
      readonly franked: Franked;
    },
  ): Promise<Sealed | undefined> {
    const { distributions, logs, counters } = this.parts;
    const { reached, mistrusted, denied } = audience;
    const { id: group, state } = snapshot;
    const recipients = reached.flatMap(({ account, devices }) => devices.map(({ device }) => ({ account, device })));
    const plaintext = encodePayload(payloadOf(row, standingOf(snapshot), frank));
    const encrypted = await distributions
      .encrypt({ group, distribution, recipients, plaintext })
      .catch((error: unknown) => this.mend(error, { id: group, state }, reached));
    if (encrypted === undefined) return undefined;
    const { message, durable } = encrypted;
    const { envelope: messageId } = row;
    if (logs.get(group)?.status !== "joined") return undefined;
    const { revision, signature } = logs.signSend(group, { messageId, message });
    // Whoever was removed by an entry that was read since must not be among those it was encrypted to.
    if (revision !== state.seq) return undefined;
    for (const _account of [...mistrusted, ...denied]) counters.count("groupMembersLeftOut");
    return {
      group,
      reached,
      durable,
      said: { standing: { revision, head: state.head }, leftOut: denied },
      frame: {
        ...{ type: "sendGroup", messageId, storage: "stored", commitment, urgency: "normal", wantBundles: "yes" },
        ...{ group, revision, signature, message, accessTags: tagsOf(messageId, reached) },
      },
    };
  }

  /** What the engine lacks: sessions that ran out, or a key whose record is gone. Both are made anew. */
  private async mend(
    error: unknown,
    snapshot: Pick<GroupSnapshot, "id" | "state">,
    reached: readonly Reached[],
  ): Promise<undefined> {
    if (!(error instanceof EngineRefusal)) throw error;
    if (error.reason === "noSenderKey") await this.renew(snapshot);
    else if (error.reason !== "noSession") throw new SottoError("badRelay", { detail: error.reason, cause: error });
    await inParallel(WIDTH, reached, async ({ account, fellow }) => {
      const devices = error.missing.filter((missing) => missing.account === account).map(({ device }) => device);
      if (devices.length > 0) await this.parts.sessions.open(account, devices, fellow);
    });
    return undefined;
  }

  private snapshotFor(row: Row<"outbox">, group: ConversationId): GroupSnapshot {
    const snapshot = joined(this.parts.logs, group);
    const isSaid = row.type === "content" && !isStatement(row.body);
    if (isSaid && !mayWrite(snapshot.state, this.parts.account.id)) throw new SottoError("groupDenied");
    return snapshot;
  }
}

/** Who may change how a group is called says so also where only admins write. */
function isStatement(body: Uint8Array): boolean {
  return readStored(body).kind === "groupProfile";
}

/** A group that this account is a member of. @throws groupDenied if it waits to be one, groupLeft if it is none. */
export function joined(logs: Pick<GroupLogs, "get">, group: ConversationId): GroupSnapshot {
  const snapshot = logs.get(group);
  if (snapshot?.status === "waiting")
    throw new SottoError("groupDenied", { detail: "an admin has to let it in first" });
  if (snapshot?.status !== "joined") throw new SottoError("groupLeft");
  return snapshot;
}

function standingOf({ id, state }: GroupSnapshot): GroupStanding {
  return { id, revision: state.seq, head: state.head };
}

/** What is said to a whole group: never a key of this account, for members are no contacts. */
function payloadOf(row: Row<"outbox">, group: GroupStanding, frank: Uint8Array | undefined) {
  const payload = outgoingPayload(row, {
    relation: "none",
    profileKey: undefined,
    userId: undefined,
    standing: "known",
    group,
    frank,
  });
  if (payload === undefined) throw new SottoError("storeCorrupt", { detail: "a row for a group that never leaves" });
  return payload;
}

/** One tag for each account, in the order in which the message names them. */
function tagsOf(messageId: Uint8Array, reached: readonly Reached[]): Uint8Array {
  const tags = reached.map(({ account, fellow }) => {
    const [hash] = fellow.deliveryKeyHashes;
    if (hash === undefined) throw new SottoError("badRelay", { detail: "a member without a key" });
    return accessTag(messageId, account, hash);
  });
  const all = new Uint8Array(tags.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const tag of tags) {
    all.set(tag, at);
    at += tag.length;
  }
  return all;
}
