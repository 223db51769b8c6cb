/** A bot is an ordinary client that answers. Needs a relay: `npm start`. Then: `npm run chat -- --as alice --to echo`. */

import { Bot } from "@sotto/sdk/bot";
import { createClient, levelStore } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const client = await createClient({
  relay,
  userId: "echo",
  accountRole: "bot", // for real users the host's token says it (`sotto_role`), and everybody the bot writes to sees it
  store: levelStore("./demo/echo"),
});

const bot = new Bot(client, { failed: ({ error }) => console.error(error) })
  .match(/^echo (.+)$/is, (message) => message.reply(message.match?.[1] ?? ""))
  .match(
    (item) => item.kind === "attachments",
    (message) => message.reply("I cannot look at files."),
  )
  .otherwise((message) => message.reply("Say: echo, and then something."));

const stopping = new AbortController();
process.once("SIGINT", () => stopping.abort());
console.log("echo is here. Ctrl-C ends it; what comes meanwhile is answered next time.");
await bot.run({ signal: stopping.signal });
await client.close();
