/** Two users of an app talk: the shortest program there is. Needs a relay: `npm start`. */

import { createClient, levelStore } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const alice = await createClient({ relay, userId: "alice", store: levelStore("./demo/alice") });
const bob = await createClient({ relay, userId: "bob", store: levelStore("./demo/bob") });

const sent = (await alice.openDM({ userId: "bob" })).send({ text: "Hello Bob" });

for await (const request of bob.requests()) {
  console.log(`${request.from.userId} would like to write to Bob: ${request.text}`);
  const conversation = await request.accept(); // or decline(), or block(): then Alice learns nothing
  await sent.delivered; // it is on Bob's disk, he accepted, and only he and Alice can read it
  for await (const item of conversation.messages()) {
    if (item.kind === "text") console.log(`Bob reads: ${item.text}`);
    break;
  }
  break;
}
await Promise.all([alice.close(), bob.close()]);
