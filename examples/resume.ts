/** An app that was closed goes on where it was: keep the cursor of the last item you handled, and pass it next time. */

import { readFile, writeFile } from "node:fs/promises";
import { type Cursor, createClient, levelStore } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const client = await createClient({ relay, userId: "carol", store: levelStore("./demo/carol") });
const conversation = await client.openDM({ userId: process.env.PEER ?? "bob" });
const after = await readFile("./demo/cursor", "utf8").then(
  (text) => text as Cursor,
  () => undefined, // the first time there is none
);

const leaving = new AbortController();
setTimeout(() => leaving.abort(), 2_000); // a real app stays
for await (const item of conversation.messages({ after, signal: leaving.signal })) {
  if (item.kind === "undecryptable") console.log(`did not open (${item.reason}); asked for it again`);
  if (item.kind === "text") console.log(`${item.direction}: ${item.text}`);
  await writeFile("./demo/cursor", item.cursor);
}
await client.close();
