/** Groups of real clients: made, joined, and waited for until everybody sees the same. */

import type { Client, Group, GroupInvitation, Item, NewGroup } from "@sotto/sdk/node";

/** Resolves once something came about that no event of one client tells. */
export async function until(holds: () => Promise<boolean> | boolean, what = "it"): Promise<void> {
  for (let turn = 0; !(await holds()); turn++) {
    if (turn === 800) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The invitation to a group, once it came. */
export async function invitationTo(client: Client, group: Pick<Group, "id">): Promise<GroupInvitation> {
  for await (const invitation of client.invitations()) if (invitation.group === group.id) return invitation;
  throw new Error("the client closed before the invitation came");
}

/** The group as an invited client sees it, once it accepted. */
export async function join(client: Client, group: Pick<Group, "id">): Promise<Group> {
  return (await invitationTo(client, group)).accept();
}

/** A group of its founder and everybody else, who all accepted; in the order of the clients, seen by each. */
export async function groupOf(
  [founder, ...others]: readonly [Client, ...Client[]],
  wish: Omit<NewGroup, "invite"> = {},
): Promise<readonly Group[]> {
  const group = await founder.groups.create({ ...wish, invite: others.map(({ accountId }) => ({ accountId })) });
  const joined = await Promise.all(others.map((client) => join(client, group)));
  const all = [group, ...joined];
  await everybodySees(all, all.length);
  return all;
}

/** Waits until everybody sees so many members. */
export async function everybodySees(groups: readonly Group[], members: number): Promise<void> {
  await until(async () => {
    const counts = await Promise.all(groups.map(async (group) => (await membersOf(group)).length));
    return counts.every((count) => count === members);
  }, `a group of ${members}`);
}

/** The accounts of a group's members and their roles, sorted. */
export async function membersOf(group: Group): Promise<readonly string[]> {
  const members = await group.members();
  return members
    .filter(({ standing }) => standing === "member")
    .map(({ accountId, role }) => `${accountId} ${role}`)
    .sort();
}

/** The words of a group in their order, each with who said it. */
export async function wordsOf(group: Group): Promise<readonly string[]> {
  return (await group.latest(1_000)).flatMap(wordOf);
}

function wordOf(item: Item): readonly string[] {
  return item.kind === "text" || item.kind === "reply" ? [`${item.from}: ${item.text}`] : [];
}

/** Waits until a group shows this text. */
export async function reads(group: Group, text: string): Promise<void> {
  await until(async () => (await wordsOf(group)).some((word) => word.endsWith(`: ${text}`)), `"${text}"`);
}
