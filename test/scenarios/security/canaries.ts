/** Unique strings in everything two people can say to each other, and some that a relay does come to see, as the control. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { accountIdToBytes, type ContentKind, fromHex, type MessageId } from "@sotto/protocol";
import { type Client, createClient, type DirectConversation, levelStore } from "@sotto/sdk/node";
import { newMessageId, RawDevice } from "../../support/raw-client/index.js";
import { acceptFrom, itemsUntil, nextEvent } from "../../support/world.js";
import { Needle } from "./needle.js";

/** What was planted. */
export interface Canaries {
  /** What no relay may ever hold anywhere: words, names, data, and the ids inside contents. */
  readonly secret: readonly Needle[];
  /** Names of users at the host: the relay hears them at registration and may keep them nowhere. */
  readonly names: readonly Needle[];
  /** What a relay must hold, in memory and on disk: an envelope's body, and an account's id. If it is not found, nothing would be. */
  readonly held: readonly Needle[];
  /** The kinds of content that were really exchanged. */
  readonly kinds: ReadonlySet<ContentKind>;
  close(): Promise<void>;
}

/** Where canaries are planted. */
export interface Ground {
  readonly url: string;
  /** For the clients' stores; apart from the relay's folder. */
  readonly folder: string;
}

/** A word nobody has ever written. */
const unique = (name: string) => `${name}-${randomBytes(16).toString("hex")}`;

/**
 * Lets two people say one of everything while both are there, and again while one is away so that it lies in a mailbox.
 * Everyone is left connected, or away, until `close`.
 */
export async function plantCanaries({ url, folder }: Ground): Promise<Canaries> {
  const word = unique("canary");
  const names = { alice: unique("alice"), bob: unique("bob"), mallory: unique("mallory") };
  const client = (userId: string) => createClient({ relay: url, userId, store: levelStore(join(folder, userId)) });
  const [alice, bob] = await Promise.all([client(names.alice), client(names.bob)]);
  const toBob = await alice.openDM({ userId: names.bob });
  const ids: MessageId[] = [];
  const kinds = new Set<ContentKind>();
  // A request first, identified and under the relay's eyes; accepted, both write sealed.
  const request = toBob.send({ text: `${word} in a request` });
  ids.push(request.id);
  await request.accepted;
  const toAlice = await acceptFrom(bob, alice.accountId);
  await request.delivered;
  await toAlice.send({ text: `${word} so that both can write sealed` }).delivered;

  await sayEverything({ alice, toBob, word, ids, kinds, wait: "delivered" });
  await hear({ toBob, toAlice, ids, kinds });
  await bob.close();
  await sayEverything({ alice, toBob, word, ids, kinds, wait: "accepted" });

  const plain = unique("not-encrypted");
  const mallory = await RawDevice.register(url, names.mallory);
  const away = await RawDevice.register(url, unique("away"));
  await away.close();
  await mallory.deliver(away, Buffer.from(plain), { messageId: newMessageId() });
  return {
    secret: [
      Needle.ofText("content", word),
      Needle.ofBytes("conversation id", fromHex(toBob.id)),
      ...ids.map((id) => Needle.ofBytes("message id", fromHex(id))),
    ],
    names: Object.entries(names).map(([who, name]) => Needle.ofText(`the name of ${who}`, name)),
    held: [
      Needle.ofText("an envelope that was not encrypted", plain),
      Needle.ofBytes("an account id", accountIdToBytes(away.account)),
    ],
    kinds,
    close: async () => {
      await Promise.all([alice.close(), mallory.close()]);
    },
  };
}

interface Talking {
  readonly alice: Client;
  readonly toBob: DirectConversation;
  readonly word: string;
  readonly ids: MessageId[];
  readonly kinds: Set<ContentKind>;
  readonly wait: "accepted" | "delivered";
}

/** One of every kind that is a message of its own. */
async function sayEverything({ alice, toBob, word, ids, kinds, wait }: Talking): Promise<void> {
  const said = async (kind: ContentKind, message: ReturnType<DirectConversation["send"]>) => {
    await message[wait];
    ids.push(message.id);
    kinds.add(kind);
    return message.id;
  };
  const text = await said("text", toBob.send({ text: `${word} in a text` }));
  await said("reply", toBob.send({ text: `${word} in a reply`, replyTo: text }));
  await said("edit", toBob.edit(text, { text: `${word} in an edit` }));
  await said("reaction", toBob.react(text, word));
  const regretted = await said("text", toBob.send({ text: `${word} in a deleted text` }));
  await said("delete", toBob.delete(regretted));
  const data = new Uint8Array(Buffer.from(`${word} in an app's own data`));
  await said("custom", toBob.send({ custom: { schema: `org.example.${word}`, data } }));
  await alice.setProfile({ name: `${word} is a name` });
  await said("text", toBob.send({ text: `${word} behind the name` }));
}

/** Waits until Bob has heard everything, and lets him answer with what carries no words. */
async function hear(talk: {
  readonly toBob: DirectConversation;
  readonly toAlice: DirectConversation;
  readonly ids: readonly MessageId[];
  readonly kinds: Set<ContentKind>;
}): Promise<void> {
  const { toBob, toAlice, ids, kinds } = talk;
  const last = ids.at(-1);
  const items = await itemsUntil(toAlice, (item) => "messageId" in item && item.messageId === last);
  if (items.some(({ kind }) => kind === "profile")) kinds.add("profile");
  const read = nextEvent<{ status: string }>(toBob, "receipt", ({ status }) => status === "read");
  await toAlice.markRead(ids.slice(-1));
  await read;
  kinds.add("receipt");
  const typing = nextEvent(toBob, "typing");
  toAlice.typing("started");
  await typing;
  kinds.add("typing");
}
