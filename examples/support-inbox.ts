/** A support desk behind one account: a bot answers what it can, and hands the rest over to a human on another device. */

import { Bot } from "@sotto/sdk/bot";
import {
  type Client,
  createClient,
  type DirectConversation,
  fillQuickReply,
  levelStore,
  linkDevice,
} from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const open = (userId: string) => createClient({ relay, userId, store: levelStore(`./demo/${userId}`) });

/** An agent's laptop: one more device of the desk's account, so it sees the same conversations. */
async function linkLaptop(desk: Client): Promise<Client> {
  const link = await desk.devices.createLink({ history: "all" });
  let shown: (code: string) => void = () => undefined;
  const code = new Promise<string>((resolve) => {
    shown = resolve;
  });
  const confirm = (digits: string) => {
    shown(digits);
    return true; // an app has a human compare the codes of both devices
  };
  const joining = linkDevice(link.uri, { userId: "support", store: levelStore("./demo/support-laptop"), confirm });
  await link.joined;
  await link.confirm(await code);
  return joining;
}

/** Waits for a conversation that this agent is to look after. */
async function assignedTo(agent: string, client: Client): Promise<DirectConversation> {
  for (;;) {
    const changed = new Promise((resolve) => client.addEventListener("notes", resolve, { once: true }));
    const [conversation] = await client.conversations({ assignee: agent });
    if (conversation !== undefined) return conversation;
    await changed;
  }
}

/** Waits for words, and shows them. */
async function hear(conversation: DirectConversation, words: string): Promise<void> {
  for await (const item of conversation.messages()) {
    if (item.kind === "text" && item.text.includes(words)) return console.log(`kim reads: ${item.text}`);
  }
}

// Labels, quick replies and who looks after what are sealed between the account's own devices. Nobody else sees any of it.
const desk = await open("support");
const difficult = await desk.labels.put({ name: "difficult", color: "red" });
await desk.quickReplies.put({ title: "hello", text: "Hello {name}, this is {agent}. I have a look at it." });
const laptop = await linkLaptop(desk);

const bot = new Bot(desk)
  .match(/opening hours/i, (message) => message.reply("We are here from 9 to 17."))
  .otherwise(async (message) => {
    await message.reply("I am fetching somebody.");
    await message.conversation.label(difficult.id);
    await message.handOver("carol"); // from here on the bot is silent in this conversation
  });
const answering = bot.run(); // until its client closes

const kim = await open("kim");
const toSupport = await kim.openDM({ userId: "support" });
await toSupport.send({ text: "What are your opening hours?" }).accepted;
await hear(toSupport, "9 to 17");
await toSupport.send({ text: "My parcel came as a puzzle." }).accepted;

const carols = await assignedTo("carol", laptop);
console.log(`carol looks after it: ${(await carols.labels()).map(({ name }) => name).join(", ")}`);
const [hello] = await laptop.quickReplies.list();
if (hello !== undefined) await carols.send({ text: fillQuickReply(hello, { name: "Kim", agent: "Carol" }) }).accepted;
await hear(toSupport, "Carol");

await carols.unlabel(difficult.id);
await carols.assign(undefined); // done: the bot answers again
await Promise.all([kim.close(), laptop.close(), desk.close()]);
await answering;
