/** Three users in a group: nobody writes to who was invited before they accept, and the group's log says who may do what. */

import { createClient, type Group, levelStore } from "@sotto/sdk/node";

const relay = process.env.RELAY ?? "http://localhost:8787";
const open = (userId: string) => createClient({ relay, userId, store: levelStore(`./demo/${userId}`) });
const [gina, hugo, ines] = await Promise.all([open("gina"), open("hugo"), open("ines")]);

/** Waits for a message that says this. */
async function hear(group: Group, text: string): Promise<void> {
  for await (const item of group.messages()) if (item.kind === "text" && item.text === text) return;
}

const team = await gina.groups.create({ title: "Team", invite: ["hugo", "ines"] });
const joined: Group[] = [];
for (const invited of [hugo, ines]) {
  for await (const invitation of invited.invitations()) {
    console.log(`${invitation.from.userId} invites to "${invitation.title}"`);
    joined.push(await invitation.accept()); // or decline(): the members see that
    break;
  }
}
const [hugos] = joined;
await hugos?.send({ text: "Hello everybody" }).accepted; // on the relay's disk for every device of every member
await Promise.all([team, ...joined].map((group) => hear(group, "Hello everybody")));

await team.setRole("hugo", "admin"); // admins invite, remove, let people in and change the settings
await team.update({ whoWrites: "admins" }); // an announcement group from here on
await team.remove("ines"); // she reads nothing that is said from here on
await team.send({ text: "Just us" }).accepted;
if (hugos !== undefined) await hear(hugos, "Just us");
for (const { userId, role } of await team.members()) console.log(`${userId ?? "gina"}: ${role}`);
await Promise.all([gina.close(), hugo.close(), ines.close()]);
