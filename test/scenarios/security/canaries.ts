/** Unique strings in everything two people can say to each other, and some that a relay does come to see, as the control. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { accountIdToBytes, type ContentKind, fromHex, type MessageId } from "@sotto/protocol";
import { type Client, createClient, type DirectConversation, levelStore } from "@sotto/sdk/node";
import { everybodySees, invitationTo, until } from "../../support/group-people.js";
import { newMessageId, RawDevice } from "../../support/raw-client/index.js";
import { acceptFrom, itemsUntil, nextEvent } from "../../support/world.js";
import type { GrantingHost } from "../consent/granting-host.js";
import {
  needlesOf,
  noteEverything,
  type PlantedFiles,
  type PlantedNumbers,
  plantFiles,
  type Say,
  sayRichly,
  uniqueNumbers,
  uploadIdsOf,
} from "./canaries-of-content.js";
import { handOverInVain, keysOf, linkWithHistory, outboxEmpty } from "./canaries-of-devices.js";
import { Needle } from "./needle.js";

/** What was planted. */
export interface Canaries {
  /** What no relay may ever hold anywhere: words, names, data, keys, and the ids inside contents. */
  readonly secret: readonly Needle[];
  /** What the relay hears and may keep nowhere: names of users at the host, what the host signed, delivery keys. */
  readonly heard: readonly Needle[];
  /** What a relay must hold, in memory and on disk: an envelope's body, an account's id, a link's. If it is not found, nothing would be. */
  readonly held: readonly Needle[];
  /** What no file of the relay's may hold but the blobs themselves, which are large enough to have four bytes by chance. */
  readonly narrow: readonly Needle[];
  /** What the relay's folder of blobs must say: under which ids they lie, and how long they are sealed. Nothing else says it. */
  readonly kept: readonly Needle[];
  /** The kinds of content that were really exchanged. */
  readonly kinds: ReadonlySet<ContentKind>;
  close(): Promise<void>;
}

/** Where canaries are planted. */
export interface Ground {
  readonly url: string;
  /** For the clients' stores; apart from the relay's folder. */
  readonly folder: string;
  /** Whose tokens and grants the relay takes. */
  readonly host: GrantingHost;
}

/** A word nobody has ever written. */
const unique = (name: string) => `${name}-${randomBytes(16).toString("hex")}`;

/**
 * Lets two people say one of everything while both are there, and again while one is away so that it lies in a mailbox; and
 * one of them link devices and ask a third. Everyone is left connected, or away, until `close`.
 */
export async function plantCanaries(ground: Ground): Promise<Canaries> {
  const word = unique("canary");
  const people = new People(ground);
  const [alice, bob] = await Promise.all([people.open("alice", `${word} laptop`), people.open("bob", `${word} desk`)]);
  const toBob = await alice.openDM({ userId: people.nameOf("bob") });
  const ids: MessageId[] = [];
  const kinds = new Set<ContentKind>();
  // A request first, identified and under the relay's eyes; accepted, both write sealed.
  const request = toBob.send({ text: `${word} in a request` });
  ids.push(request.id);
  await request.accepted;
  const toAlice = await acceptFrom(bob, alice.accountId);
  await request.delivered;
  await toAlice.send({ text: `${word} so that both can write sealed` }).delivered;

  const files = await plantFiles(alice, word);
  const numbers = uniqueNumbers();
  const talking = { alice, toBob, word, ids, kinds, files, numbers } as const;
  await sayEverything({ ...talking, wait: "delivered" });
  await hear({ toBob, toAlice, ids, kinds });
  await meetInGroup({ alice, bob, word, kinds });
  await plantFiles(bob, word);
  await bob.setProfile({ name: `${word} is a contact's name` });
  await outboxEmpty(bob);
  await bob.close();
  const device = { auth: people.authOf("alice"), deviceName: `${word} phone`, folder: people.folderOf("phone") };
  const phone = await linkWithHistory(alice, device);
  await phone.client.close();
  // From here on everything lies in mailboxes: for Bob as it was said, for the phone as what another device said.
  await sayEverything({ ...talking, wait: "accepted" });
  await noteEverything(alice, toBob, word);
  const asked = await people.askSomebodyAway(alice, `${word} in a request that waits`);
  ids.push(asked);
  const dead = { deviceName: `${word} tablet`, folder: people.folderOf("tablet") };
  const vain = await handOverInVain(alice, dead);
  await outboxEmpty(alice);

  const plain = unique("not-encrypted");
  const mallory = await RawDevice.register(ground.url, people.nameOf("mallory"));
  const away = await RawDevice.register(ground.url, unique("away"));
  await away.close();
  await mallory.deliver(away, Buffer.from(plain), { messageId: newMessageId() });
  const keys = [await keysOf("bob", people.folderOf("bob")), await keysOf("the phone", people.folderOf("phone"))];
  return {
    secret: [
      Needle.ofText("content", word),
      Needle.ofBytes("conversation id", fromHex(toBob.id)),
      ...ids.map((id) => Needle.ofBytes("message id", fromHex(id))),
      ...keys.flatMap(({ secret }) => secret),
      phone.link.secret,
      vain.secret,
      ...files.secret,
      ...needlesOf(numbers),
    ],
    heard: [
      ...people.heard,
      ...keys.map(({ deliveryKey }) => deliveryKey),
      ...(await uploadIdsOf(people.folderOf("bob"))),
    ],
    narrow: files.narrow,
    kept: files.kept,
    held: [
      Needle.ofText("an envelope that was not encrypted", plain),
      Needle.ofBytes("an account id", accountIdToBytes(away.account)),
      vain.id,
    ],
    kinds,
    close: async () => {
      await Promise.all([alice.close(), mallory.close()]);
    },
  };
}

/** The users of one host: nobody has ever been called what they are. */
class People {
  private readonly names = new Map<string, string>();
  private readonly signed: string[] = [];
  private readonly nonce = unique("nonce");

  constructor(private readonly ground: Ground) {}

  /** What the relay heard of them: their names, and the host's statements with the nonces in them. */
  get heard(): readonly Needle[] {
    return [
      ...[...this.names].map(([who, name]) => Needle.ofText(`the name of ${who}`, name)),
      ...this.signed.map((statement) => Needle.ofText("what the host signed", statement)),
      Needle.ofText("the nonce of a grant", this.nonce),
    ];
  }

  nameOf(who: string): string {
    const name = this.names.get(who) ?? unique(who);
    this.names.set(who, name);
    return name;
  }

  folderOf(who: string): string {
    return join(this.ground.folder, who);
  }

  authOf(who: string): () => Promise<string> {
    return async () => this.said(await this.ground.host.token(this.nameOf(who)));
  }

  /** Registers somebody who gets grants for everybody. */
  open(who: string, deviceName?: string): Promise<Client> {
    const name = this.nameOf(who);
    return createClient({
      relay: this.ground.url,
      userId: name,
      auth: this.authOf(who),
      grant: async ({ to }) => this.said(await this.ground.host.grant(name, to.userId ?? "", { nonce: this.nonce })),
      deviceName,
      store: levelStore(this.folderOf(who)),
    });
  }

  /** Lets somebody ask, with a grant, one who is away, and answers the id of the text. */
  async askSomebodyAway(asking: Client, text: string): Promise<MessageId> {
    const carol = await this.open("carol");
    await carol.setPolicy("grant");
    await carol.close();
    const toCarol = await asking.openDM({ userId: this.nameOf("carol") });
    const request = toCarol.send({ text });
    await request.accepted;
    return request.id;
  }

  private said(statement: string): string {
    this.signed.push(statement);
    return statement;
  }
}

interface Talking {
  readonly alice: Client;
  readonly toBob: DirectConversation;
  readonly word: string;
  readonly ids: MessageId[];
  readonly kinds: Set<ContentKind>;
  readonly files: PlantedFiles;
  readonly numbers: PlantedNumbers;
  readonly wait: "accepted" | "delivered";
}

/** One of every kind that is a message of its own. */
async function sayEverything({ wait, ids, kinds, ...talk }: Talking): Promise<void> {
  const { alice, toBob, word } = talk;
  const said: Say = async (kind, message) => {
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
  await sayRichly({ ...talk, said });
  await alice.setProfile({ name: `${word} is a name` });
  await said("text", toBob.send({ text: `${word} behind the name` }));
}

/** A group that one asks the other into, and calls otherwise once both are in it. */
async function meetInGroup({
  alice,
  bob,
  word,
  kinds,
}: Pick<Talking, "alice" | "word" | "kinds"> & { readonly bob: Client }) {
  const title = `${word} is a group's title`;
  const avatar = new Uint8Array(Buffer.from(`${word} is a group's picture`));
  const hers = await alice.groups.create({ title, invite: [{ accountId: bob.accountId }] });
  const asked = await invitationTo(bob, hers);
  if (asked.title === title) kinds.add("invitation");
  const his = await asked.accept();
  await everybodySees([hers, his], 2);
  await hers.update({ title: `${title}, a new one`, avatar });
  await until(() => his.title === `${title}, a new one`, "the new title");
  kinds.add("groupProfile");
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
