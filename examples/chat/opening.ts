/** From what the chat was started with to an account's client, and to the conversation it begins in. */

import { setTimeout as pause } from "node:timers/promises";
import {
  type Client,
  createClient,
  type GroupInvitation,
  levelStore,
  linkDevice,
  parseDeviceId,
  SottoError,
} from "@sotto/sdk/node";
import type { Choices, Place } from "./choices.js";
import { nameOf } from "./names.js";
import { agrees, agreesOnCode } from "./question.js";
import { type DirectRoom, directRoom, type GroupRoom, groupsCalled, type Room } from "./room.js";
import { harmless } from "./words.js";

/** How often somebody not yet there is looked for. */
const LOOK_AGAIN_MS = 2_000;
/** Before a group is made, an invitation to one of that title has this long to come in. */
const INVITED_MS = 2_000;

/** Opens the account of the folder, or joins another device's account. @throws everything `createClient` and `linkDevice` do. */
export function openClient(chosen: Choices, signal: AbortSignal): Promise<Client> {
  const { me, relay, folder, existingAccount, link, deviceName, replaces } = chosen;
  const options = { userId: me, store: levelStore(folder), deviceName, signal };
  const replaced = replaces === undefined ? {} : { replaces: parseDeviceId(Number(replaces)) };
  if (link === undefined) return createClient({ relay, ...options, existingAccount, ...replaced });
  const onDeviceLimit = async () => replaced.replaces;
  return linkDevice(link, { ...options, confirm: agreesOnCode, onDeviceLimit });
}

/** Opens what the chat begins in. */
export function openRoom(client: Client, { me, place }: Choices, signal: AbortSignal): Promise<Room> {
  return place.kind === "direct"
    ? directWhenThere(client, { me, peer: place.peer }, signal)
    : groupOf(client, place, signal);
}

/** Opens a conversation with one person, waiting for somebody who has not come yet. */
async function directWhenThere(
  client: Client,
  { me, peer }: { readonly me: string; readonly peer: string },
  signal: AbortSignal,
): Promise<DirectRoom> {
  for (let tries = 0; ; tries++) {
    try {
      return await directRoom(client, peer);
    } catch (error) {
      if (!(error instanceof SottoError && error.code === "unknownUser")) throw error;
      if (tries === 0) {
        console.log(`${peer} is not here yet. In another terminal: npm run chat -- --as ${peer} --to ${me}`);
        console.log("Waiting… (Ctrl-C to leave)");
      }
      await pause(LOOK_AGAIN_MS, undefined, { signal });
    }
  }
}

/** The group of a title: the first there is, one we were invited to, or a new one. */
async function groupOf(
  client: Client,
  { title }: Extract<Place, { kind: "group" }>,
  signal: AbortSignal,
): Promise<GroupRoom> {
  const [present] = await groupsCalled(client, title);
  const conversation = present ?? (await joined(client, title, signal)) ?? (await client.groups.create({ title }));
  return { kind: "group", conversation };
}

/** The group of an invitation to this title, if there is one and the user wants it. */
async function joined(client: Client, title: string, signal: AbortSignal) {
  const invitation = await invitationTo(client, title, signal);
  if (invitation === undefined) return undefined;
  const from = nameOf({ ...invitation.from, name: undefined });
  if (await agrees(`${from} invites you to a group "${harmless(title)}". Join it? [y/N] `)) return invitation.accept();
  console.log("Then another group of that title is made. The invitation stays: /join or /decline it.");
  return undefined;
}

async function invitationTo(client: Client, title: string, signal: AbortSignal): Promise<GroupInvitation | undefined> {
  // Not AbortSignal.any of a timeout: Node 20 collects that as garbage before its time is over.
  const looking = new AbortController();
  const stop = () => looking.abort();
  const timer = setTimeout(stop, INVITED_MS);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const invitation of client.invitations({ signal: looking.signal })) {
      if (invitation.title === title) return invitation;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
