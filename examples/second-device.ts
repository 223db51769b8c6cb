/** A second device joins an account: the first one shows a link, the second opens it, and people compare a code. */

import { type Client, createClient, levelStore, linkDevice } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const phone = await createClient({ relay, userId: "dora", store: levelStore("./demo/dora-phone") });

// On the phone: draw `link.uri` as a QR code, or let people paste it. It is good once, for ten minutes.
const link = await phone.devices.createLink({ history: "all" });

// On the laptop: show the code, and ask whether the phone shows the same.
let joining: Promise<Client> | undefined;
const laptopShows = new Promise<string>((resolve) => {
  joining = linkDevice(link.uri, {
    userId: "dora",
    store: levelStore("./demo/dora-laptop"),
    deviceName: "Laptop",
    confirm: (code) => {
      resolve(code);
      return true; // your app asks; `false` ends the link
    },
  });
});

// Back on the phone: people type what the laptop shows. Until then nothing was handed over.
const { code, deviceName } = await link.joined;
console.log(`${deviceName} wants to join. This phone shows ${code}.`);
await link.confirm(await laptopShows);
const laptop = await joining;

for (const { device, name, current } of await phone.devices.list()) {
  console.log(`device ${device}: ${name ?? "no name"}${current === "this" ? " (this one)" : ""}`);
}
if (laptop !== undefined) await phone.devices.revoke(laptop.deviceId); // its connection, mailbox and keys are gone
await Promise.all([laptop?.close(), phone.close()]);
