/** Where one talks: with one person, or in a group. */

import type { Client, DirectConversation, Group, GroupInvitation } from "@sotto/sdk/node";
import { harmless } from "./words.js";

/** A conversation with one person. */
export interface DirectRoom {
  readonly kind: "direct";
  readonly conversation: DirectConversation;
  /** What the other is called at the host. */
  readonly peer: string;
}

/** A group. */
export interface GroupRoom {
  readonly kind: "group";
  readonly conversation: Group;
}

/** Either. */
export type Room = DirectRoom | GroupRoom;

/** The conversation with somebody who is there. @throws unknownUser if nobody of this name registered. */
export async function directRoom(client: Client, peer: string): Promise<DirectRoom> {
  return { kind: "direct", conversation: await client.openDM({ userId: peer }), peer };
}

/** The groups that a title, or the beginning of an id, stands for. */
export async function groupsCalled(client: Client, called: string): Promise<readonly Group[]> {
  const groups = await client.groups.list();
  const titled = groups.filter(({ title }) => title === called);
  if (titled.length > 0 || called === "") return titled;
  return groups.filter(({ id }) => id.startsWith(called));
}

/** A group's title as it may be shown. Titles are other people's words, and need not be unique. */
export function titleOf({ title, id }: Pick<Group, "title" | "id">): string {
  return title === "" ? `(no title, ${id.slice(0, 8)})` : harmless(title);
}

/** The group that an invitation is to, in words. */
export function invitedTo({ title }: Pick<GroupInvitation, "title">): string {
  return title === "" ? "a group without a title" : `the group "${harmless(title)}"`;
}
