/** Polls, places, messages that vanish, and search: what two people do besides writing. */

import { createClient, type DirectConversation, type Item, levelStore } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const open = (userId: string) => createClient({ relay, userId, store: levelStore(`./demo/${userId}`) });
const [lena, milo] = await Promise.all([open("lena"), open("milo")]);

/** Waits for the first message of a kind. */
async function first<Kind extends Item["kind"]>(kind: Kind, conversation: DirectConversation) {
  for await (const item of conversation.messages())
    if (item.kind === kind) return item as Extract<Item, { kind: Kind }>;
  throw new Error("the client was closed");
}

const toMilo = await lena.openDM({ userId: "milo" });
const hello = toMilo.send({ text: "Shall we have the strawberries outside?" });
for await (const request of milo.requests()) {
  await request.accept();
  break;
}
await hello.delivered;
const toLena = await milo.openDM({ accountId: lena.accountId });

await toMilo.send({ poll: { question: "Where?", options: ["at the lake", "in the park"] } }).accepted;
const poll = await first("poll", toLena);
await toLena.vote(poll.messageId, [0]).accepted; // one vote for each voter: the last one counts, none takes it back
await toLena.send({ location: { latitude: 48.2362, longitude: 16.4114, label: "The old boathouse" } }).accepted;
const place = await first("location", toMilo);
const now = await toMilo.item((await first("poll", toMilo)).cursor);
if (now?.kind === "poll") console.log(`${now.tally.options[0]?.count} for the lake, so: ${place.label}`);

await toMilo.setTimer(3_600_000).accepted; // from here on, an hour after somebody read it
await toMilo.send({ text: "The key is under the mat" }).accepted;
const timer = await first("timer", toLena);
console.log(`Messages vanish ${(timer.durationMs ?? 0) / 60_000} minutes after they were read`);

await toMilo.setDraft("And bring a"); // on all of Lena's devices, and nobody else's; so are pins and labels
await toMilo.pin(place.messageId);
for (const { item } of await lena.search("straw")) if (item.kind === "text") console.log(`found: ${item.text}`);
await Promise.all([lena.close(), milo.close()]);
