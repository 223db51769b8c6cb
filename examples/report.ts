/** A stranger's message is reported: what would leave the device is shown first, and the moderators' receipt comes back sealed. */

import { createClient, type Disclosure, levelStore, type Report } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const open = (userId: string) => createClient({ relay, userId, store: levelStore(`./demo/${userId}`) });
const [nora, olaf] = await Promise.all([open("nora"), open("olaf")]);

/** Everything that would leave, and nothing else does. */
function show({ team, category, messages, note, relaySees }: Disclosure): void {
  console.log(`To the ${team} moderators, for ${category}: ${note}`);
  for (const { role, said } of messages) console.log(`  ${role}: ${said.kind === "text" ? said.text : said.kind}`);
  console.log(`The relay sees ${relaySees.sizeBytes} sealed bytes.`);
}

/** Waits for a receipt. */
function receipt(): Promise<Report> {
  return new Promise((resolve) => {
    nora.addEventListener("report", ({ report }) => {
      if (report.stage !== "waiting" && report.stage !== "sent") resolve(report);
    });
  });
}

await (await olaf.openDM({ userId: "nora" })).send({ text: "Buy my coins or else" }).accepted;
for await (const request of nora.requests()) {
  const draft = await request.draftReport({ category: "scam", note: "I do not know him" });
  show(draft.disclosure); // to the user, who agrees or does not
  const received = receipt();
  await draft.submit({ consent: draft.disclosure.hash }); // durable; leaves by itself, once
  await request.block();
  console.log(`the report is ${(await received).stage}`);
  break;
}
console.log(nora.moderation.powers()?.text.split("\n")[0]); // what moderators can do here, signed
await Promise.all([nora.close(), olaf.close()]);
