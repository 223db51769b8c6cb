/** An inbox of a member of a group, with the others in the test's hands. */

import {
  type AccountId,
  type Content,
  type ConversationId,
  encodeContent,
  encodeGroupBody,
  encodePayload,
  type GroupStanding,
  type Payload,
} from "@sotto/protocol";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { readStored } from "../../../../sdk/core/conversations/stored-content.js";
import { type Row, range } from "../../../../sdk/core/rows.js";
import { carol, group, idOf } from "../conversations/members.js";
import { device, me, peer } from "../people.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";
import { ACCEPTED_MS, type InboxFixture, inboxFixture, oldIdentity, type Sealed } from "./fixture.js";
import type { Wanted } from "./unsafe-logs.js";

export const distribution = new Uint8Array(16).fill(0xd1);

/** How far whoever speaks had read. */
export const standing = (revision: number, id: ConversationId = group): GroupStanding => ({
  ...{ id, revision, head: new Uint8Array(32).fill(revision) },
});

/** Everybody has one identity here, which is the one that the log names. */
export const everybody = [me, peer, carol].map((account) => ({ account, identityKey: oldIdentity }));

/** What a test has in its hands. */
export interface GroupFixture extends Omit<InboxFixture, "text"> {
  /** What an account says, in bytes. */
  content(sender: AccountId, number: number, over?: Partial<Content>): Uint8Array;
  /** In a session. */
  inSession(sender: AccountId, payload: Payload, identity?: Uint8Array): Sealed;
  /** Under a sender key. */
  sealed(sender: AccountId, payload: Payload, over?: Partial<Sealed>): Sealed;
  /** A text in a session: a resend, or one for who was left out. */
  text(sender: AccountId, number: number, speaking?: Speaking): Sealed;
  key(sender: AccountId, handing?: Handing): Sealed;
  rows(): Promise<readonly Row<"item">[]>;
  /** What is in the group's timeline: texts as they are, everything else by its shape. */
  shown(): Promise<readonly string[]>;
  count(prefix: string): Promise<number>;
  /** More of the log was read: as its progress does. */
  progress(further: Wanted): Promise<void>;
}

/** The members are `me`, `peer` and `carol`, and the log was read up to entry 9. */
export async function groupFixture(
  wanted: Wanted | "unknown" = {},
  raw = new UnsafeMemoryStore(),
): Promise<GroupFixture> {
  const fixture = await inboxFixture(raw);
  const { logs, store, conversations, clock } = fixture;
  clock.setNow(ACCEPTED_MS);
  if (wanted !== "unknown") logs.read(group, { members: everybody, ...wanted });
  let counter = 0;
  const content = (sender: AccountId, number: number, over: Partial<Content> = {}) => {
    counter += 1;
    const saying: Saying = { kind: "text", text: `g${number}` };
    const header = { sender, device, conversation: group, messageId: idOf(sender, number), revision: 1, seen: [] };
    return encodeContent({ ...saying, ...header, counter, sentAtMs: counter, ...over } as Content);
  };
  const inSession = (sender: AccountId, payload: Payload, identity: Uint8Array = oldIdentity): Sealed => ({
    ...{ sender, identity: [...identity], plaintext: [...encodePayload(payload)] },
  });
  const sealed = (sender: AccountId, payload: Payload, over: Partial<Sealed> = {}): Sealed => ({
    ...inSession(sender, payload),
    ...{ distribution: [...distribution], group, ...over },
  });
  const text = (sender: AccountId, number: number, { revision = 9, resendOf, atMs }: Speaking = {}) =>
    inSession(sender, { type: "content", content: content(sender, number), group: standing(revision), resendOf, atMs });
  const key = (sender: AccountId, { revision = 9, id = group, identity = oldIdentity, resendOf }: Handing = {}) =>
    inSession(
      sender,
      {
        ...{ type: "senderKey", group: standing(revision, id), resendOf },
        body: encodeGroupBody("senderKey", { distribution, message: Uint8Array.of(1) }),
      },
      identity,
    );
  const rows = async () => {
    const { timeline } = await conversations.group(group);
    return (await timeline.latest(99)).map(({ row }) => row);
  };
  const shown = async (): Promise<readonly string[]> =>
    (await rows()).map(({ shape, content }) => {
      if (shape !== "content" || content.length === 0) return shape;
      const read = readStored(content);
      return read.kind === "text" ? read.text : read.kind;
    });
  const count = async (prefix: string) => (await store.list(range(prefix, 9_999))).length;
  const progress = async (further: Wanted) => {
    logs.read(group, { members: everybody, ...further });
    fixture.groupMail.wake(group);
    await fixture.groupMail.settled();
  };
  return { ...fixture, content, inSession, sealed, key, text, rows, shown, count, progress };
}

interface Speaking {
  readonly revision?: number;
  readonly resendOf?: Uint8Array;
  readonly atMs?: number;
}

interface Handing {
  readonly revision?: number;
  readonly id?: ConversationId;
  readonly identity?: Uint8Array;
  readonly resendOf?: Uint8Array;
}
