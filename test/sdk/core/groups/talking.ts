/** Devices of a group that say how it is called, and hear it from each other: everything but the way between them is real. */

import { type Content, type ConversationId, decodeContent, encodeContent, SottoError } from "@sotto/protocol";
import { Author } from "../../../../sdk/core/conversations/author.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { groupItems } from "../../../../sdk/core/conversations/group-items.js";
import type { MeantFor } from "../../../../sdk/core/franking/checking.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { Statements } from "../../../../sdk/core/groups/statements.js";
import { both } from "../../../../sdk/core/inbox/plan.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import type { LogClient } from "./log/fixture.js";

/** What somebody says of how a group is called and looks. */
export type LooksSaid = Content & { readonly kind: "groupProfile" };

/** A device's voice. */
export interface Voice {
  readonly statements: Statements;
  readonly conversations: Conversations;
  /** How many more orders its outbox takes. */
  room: number;
}

const voices = new WeakMap<LogClient, Voice>();

/** Gives a client the voice of a whole one: orders of its own carry contents, and those of others are read. */
export function talks(client: LogClient): Voice {
  const { store, logs, shown, account } = client;
  const { clock } = client.world;
  const conversations = new Conversations(store, account, undefined, shown);
  const author = new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } });
  const statements = new Statements({
    ...{ store, logs, shown, account, conversations, author },
    outbox: {
      get room() {
        return voice.room;
      },
      queue(order) {
        if (voice.room === 0) throw new SottoError("outboxFull");
        return { order: 1, changes: [], sent: () => void client.orders.push(order) };
      },
    },
    changed: () => undefined,
  });
  const voice: Voice = { statements, conversations, room: 1_000 };
  client.consequences = async (changed) =>
    both(await groupItems({ store, conversations, clock }, changed), await statements.after(changed));
  voices.set(client, voice);
  return voice;
}

/** The voice that a client was given. */
export function voiceOf(client: LogClient): Voice {
  const voice = voices.get(client);
  if (voice === undefined) throw new Error("a client without a voice");
  return voice;
}

/** What a client said of the group since it was last asked; `to` one member, or to everybody. */
export function sayings(
  client: LogClient,
): readonly { readonly content: LooksSaid; readonly to: LogClient["id"] | undefined }[] {
  return client.orders.splice(0).flatMap(({ type, body, recipient }) => {
    if (type !== "content" || body === undefined) return [];
    const content = decodeContent(body);
    return content.kind === "groupProfile" ? [{ content, to: recipient }] : [];
  });
}

/** The contents of what a client said since it was last asked. */
export function taken(client: LogClient): readonly LooksSaid[] {
  return sayings(client).map(({ content }) => content);
}

/** Hears what a member said to all, or to this client alone. */
export async function hears(client: LogClient, content: Content, meantFor: MeantFor = "group"): Promise<void> {
  const { kept } = await takes(client, content, meantFor);
  await kept();
}

/** Decides what comes of it; `kept` waits for the disk, and does what follows then. */
export async function takes(
  client: LogClient,
  content: Content,
  meantFor: MeantFor = "group",
): Promise<{ kept(): Promise<void> }> {
  const said = Genuine.saidHere({ content, encoded: encodeContent(content) });
  const plan = await voiceOf(client).statements.said(said, meantFor);
  const durable = client.store.commit(plan.build());
  return {
    async kept() {
      await durable;
      for (const work of plan.after) work();
    },
  };
}

/** What one has to say to all reaches the others. Answers how much that was. */
export async function say(from: LogClient, ...to: readonly LogClient[]): Promise<number> {
  const said = taken(from);
  for (const client of to) for (const content of said) await hears(client, content);
  return said.length;
}

/** What one has to say to single members reaches them. Answers to whom it said what. */
export async function tell(from: LogClient, ...to: readonly LogClient[]): Promise<readonly string[]> {
  const told: string[] = [];
  for (const { content, to: recipient } of sayings(from)) {
    const client = to.find(({ id }) => id === recipient);
    if (client === undefined) continue;
    told.push(content.title);
    await hears(client, content, "account");
  }
  return told;
}

/** How a group is called where a client is. */
export function titleOf(client: LogClient, id: ConversationId): string {
  const state = client.logs.get(id)?.state;
  if (state === undefined) throw new Error("no group");
  return client.shown.of(id, state).title;
}
