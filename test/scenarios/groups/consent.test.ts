/**
 * Nobody is in a group who did not say so: what reaches an invited account before it accepts is the invitation, and nothing
 * that is said in the group is ever sealed to it. Who may invite whom is the matrix's (scenarios/consent/matrix.test.ts).
 */

import type { AccountId } from "@sotto/protocol";
import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { everybodySees, groupOf, invitationTo, join, membersOf, reads, until } from "../../support/group-people.js";
import { names } from "../../support/hostile-groups/lying-relay.js";
import { countsOf, type Deceived, deceived, goesOn, textsOf } from "../../support/hostile-groups/people.js";
import { befriend, nextEvent, World } from "../../support/world.js";
import { codeOf, pendingInvitations } from "../consent/people.js";

let world: World;
let alice: Deceived;
let bob: Deceived;
let carol: Client;
let hers: Group;
let his: Group;

beforeEach(async () => {
  world = await World.open();
  [alice, bob] = await Promise.all([deceived(world, "alice"), deceived(world, "bob")]);
  carol = await world.client("carol");
  [hers, his] = (await groupOf([alice.client, bob.client], { whoInvites: "members", title: "Team" })) as [Group, Group];
  await goesOn([hers, his]);
});
afterEach(async () => {
  await Promise.all([alice.close(), bob.close()]);
  await world.close();
});

/** Every message of theirs that was sealed to an account: to the group, and by name. */
function sealedTo(account: AccountId): { readonly inGroup: number; readonly byName: number } {
  const [inGroup, byName] = [alice, bob].reduce(
    ([group, named], { relay }) => [
      group + relay.askedFor("sendGroup").filter(({ message }) => names(message, account)).length,
      named +
        relay.askedFor("send").filter(({ recipients }) => recipients.some((one) => one.account === account)).length,
    ],
    [0, 0],
  );
  return { inGroup, byName };
}

/** How a group lists an account. */
async function standingOf(group: Group, account: AccountId): Promise<string | undefined> {
  return (await group.members()).find(({ accountId }) => accountId === account)?.standing;
}

describe("an invited account", () => {
  it("is sealed nothing that is said before its own acceptance, and everything after", async () => {
    await hers.invite({ accountId: carol.accountId });
    const invitation = await invitationTo(carol, hers);
    await goesOn([hers, his]);
    await his.update({ title: "Renamed" });
    await hers.setRole({ accountId: bob.client.accountId }, "admin");
    await goesOn([hers, his]);
    expect(sealedTo(carol.accountId)).toEqual({ inGroup: 0, byName: 1 });
    expect((await countsOf(carol)).opened).toBe(1);
    const theirs = await invitation.accept();
    await everybodySees([hers, his, theirs], 3);
    await his.send({ text: "welcome" }).accepted;
    await reads(theirs, "welcome");
    expect(await textsOf(theirs)).toEqual(["welcome"]);
    expect(sealedTo(carol.accountId).inGroup).toBeGreaterThan(0);
  });

  it("tells nobody anything before it answers, not even that the invitation came", async () => {
    const quiet = await deceived(world, "dave");
    await hers.invite({ accountId: quiet.client.accountId });
    await invitationTo(quiet.client, hers);
    await goesOn([hers, his]);
    await pendingInvitations(quiet.client);
    for (const type of ["send", "sendGroup", "appendGroup"] as const) expect(quiet.relay.askedFor(type)).toEqual([]);
    await quiet.close();
  });

  it("that waits for an admin is sealed nothing either", async () => {
    await hers.update({ approval: "on" });
    await his.refresh();
    await his.invite({ accountId: carol.accountId });
    const theirs = await join(carol, his);
    expect(theirs.standing).toBe("waiting");
    await hers.refresh();
    expect(await standingOf(hers, carol.accountId)).toBe("waiting");
    await goesOn([hers, his]);
    expect(sealedTo(carol.accountId).inGroup).toBe(0);
    expect(await codeOf(theirs.send({ text: "hello?" }).accepted)).toBe("groupDenied");
    await hers.remove({ accountId: carol.accountId });
    await until(async () => {
      await theirs.refresh().catch(() => undefined);
      return theirs.standing === "left";
    });
    expect(sealedTo(carol.accountId).inGroup).toBe(0);
  });

  it("that declines is out, and sealed nothing; it may be invited anew, and then accept", async () => {
    await befriend(alice.client, carol);
    await hers.invite({ accountId: carol.accountId });
    await (await invitationTo(carol, hers)).decline();
    await everybodySees([hers, his], 2);
    await until(async () => (await standingOf(hers, carol.accountId)) === undefined);
    await goesOn([hers, his]);
    expect(sealedTo(carol.accountId).inGroup).toBe(0);
    expect(await pendingInvitations(carol)).toEqual([]);
    await hers.invite({ accountId: carol.accountId });
    const theirs = await join(carol, hers);
    await everybodySees([hers, his, theirs], 3);
    await goesOn([hers, his, theirs]);
  });

  it("whose invitation is taken back cannot accept it any more", async () => {
    await hers.invite({ accountId: carol.accountId });
    const invitation = await invitationTo(carol, hers);
    await hers.remove({ accountId: carol.accountId });
    expect(await codeOf(invitation.accept())).toBe("invitationGone");
    await goesOn([hers, his]);
    expect(await membersOf(hers)).toHaveLength(2);
    expect(sealedTo(carol.accountId).inGroup).toBe(0);
    await until(async () => (await pendingInvitations(carol)).length === 0);
    expect(await carol.groups.list()).toEqual([]);
  });

  it("keeps nobody out of the group's words: an invitation that is never answered delays nothing", async () => {
    const { accountId } = carol;
    await hers.invite({ accountId });
    await carol.close();
    await goesOn([hers, his]);
    expect(await standingOf(hers, accountId)).toBe("invited");
  });
});

describe("an invitation among strangers", () => {
  it("is a request: of one to whom one is pending, a second one is not made", async () => {
    await hers.invite({ accountId: carol.accountId });
    await invitationTo(carol, hers);
    const other = await alice.client.groups.create({ title: "Other" });
    expect(await codeOf(other.invite({ accountId: carol.accountId }))).toBe("requestPending");
    expect(await standingOf(other, carol.accountId)).toBeUndefined();
    await until(async () => (await pendingInvitations(carol)).length === 1);
  });

  it("by somebody else of the group is refused while one is open", async () => {
    await hers.invite({ accountId: carol.accountId });
    await his.refresh();
    expect(await codeOf(his.invite({ accountId: carol.accountId }))).toBe("invalidArgument");
    await until(async () => sealedTo(carol.accountId).byName > 0);
    expect(sealedTo(carol.accountId)).toEqual({ inGroup: 0, byName: 1 });
  });

  it("that is accepted makes contacts of the two; one that is declined does not", async () => {
    const answered = nextEvent(alice.client, "contact");
    await hers.invite({ accountId: carol.accountId });
    await join(carol, hers);
    await answered;
    await (await alice.client.openDM({ accountId: carol.accountId })).send({ text: "hello" }).delivered;
    const dave = await world.client("dave");
    await hers.invite({ accountId: dave.accountId });
    await (await invitationTo(dave, hers)).decline();
    for (const [one, other] of [
      [dave, alice.client],
      [alice.client, dave],
    ] as const)
      expect((await (await one.openDM({ accountId: other.accountId })).peer()).relation).not.toBe("accepted");
  });

  it("to somebody who asked me accepts that request", async () => {
    const toAlice = await carol.openDM({ accountId: alice.client.accountId });
    const asked = nextEvent(alice.client, "request");
    toAlice.send({ text: "may I?" });
    await asked;
    const accepted = nextEvent(carol, "contact");
    await hers.invite({ accountId: carol.accountId });
    await accepted;
    const theirs = await join(carol, hers);
    await everybodySees([hers, his, theirs], 3);
    await goesOn([hers, his, theirs]);
  });

  it("to somebody one has blocked is not made", async () => {
    await (await alice.client.openDM({ accountId: carol.accountId })).block();
    expect(await codeOf(hers.invite({ accountId: carol.accountId }))).toBe("invalidArgument");
    expect(await standingOf(hers, carol.accountId)).toBeUndefined();
    expect(sealedTo(carol.accountId)).toEqual({ inGroup: 0, byName: 0 });
  });
});
