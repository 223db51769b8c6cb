/** Whatever is shown of somebody can be reported: their name, the title of a group, an invitation before it is answered. */

import { directConversationId } from "@sotto/protocol";
import type { Client, Reportable, Where } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../../support/at-desk.js";
import { invitationTo, until } from "../../support/group-people.js";
import { World } from "../../support/world.js";
import { draftable, reportable, submitted } from "./people.js";

let world: World;
let desk: AtDesk;

beforeEach(async () => {
  world = await World.open();
  desk = await AtDesk.join(world);
});
afterEach(() => world.close());

/** What is kept of a kind, once it is here. */
async function kept(
  client: Client,
  where: Where,
  { kind, words }: { readonly kind: Reportable["said"]["kind"]; readonly words: string },
): Promise<Reportable> {
  let found: Reportable | undefined;
  await until(async () => {
    found = (await reportable(client, where)).find(
      ({ said, direction }) => said.kind === kind && direction === "received" && JSON.stringify(said).includes(words),
    );
    return found !== undefined;
  }, `a ${kind} that can be reported`);
  return found as Reportable;
}

async function isVerified(client: Client, where: Where, one: Reportable): Promise<readonly string[]> {
  const draft = await draftable(client, () => client.reports.draftReport(where, [one], { category: "hate" }));
  return desk.verdictsOn((await submitted(client, draft)).id);
}

describe("what is shown", () => {
  it("of a person: the name they gave themselves", async () => {
    const { alice, bob, toBob } = await world.pair();
    await bob.setProfile({ name: "Your bank" });
    const name = await kept(alice, toBob, { kind: "profile", words: "Your bank" });
    expect(name.said).toMatchObject({ name: "Your bank" });
    expect(await isVerified(alice, toBob, name)).toEqual(["verified"]);
  });

  it("of a group: the invitation while it waits, and the title once one is in it", async () => {
    const { alice, bob } = await world.pair();
    const group = await bob.groups.create({ title: "A slur", invite: ["alice"] });
    const invitation = await invitationTo(alice, group);
    const between = directConversationId(alice.accountId, bob.accountId);
    const asked = await kept(alice, between, { kind: "invitation", words: "A slur" });
    expect(asked.said).toMatchObject({ title: "A slur" });
    expect(await isVerified(alice, between, asked)).toEqual(["verified"]);
    const joined = await invitation.accept();
    await group.update({ title: "Another slur" });
    const title = await kept(alice, joined, { kind: "groupProfile", words: "Another slur" });
    expect(title.said).toMatchObject({ title: "Another slur" });
    expect(await isVerified(alice, joined, title)).toEqual(["verified"]);
  });
});
