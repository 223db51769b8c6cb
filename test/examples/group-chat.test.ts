/** The terminal chat in groups: three people, a real relay, lines typed and lines read. */

import { join } from "node:path";
import { createClient, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { World } from "../support/world.js";
import { Terminal } from "./terminal.js";

/** Several processes one after the other, each loading the whole SDK. */
const PROCESSES_MS = 90_000;

let world: World;
let open: Terminal[];
beforeEach(async () => {
  open = [];
  world = await World.open();
});
afterEach(async () => {
  for (const terminal of open) terminal.end();
  await world.close();
});

function chat(...args: readonly string[]): Terminal {
  const terminal = Terminal.start(world.folder, ["--relay", world.url, ...args]);
  open.push(terminal);
  return terminal;
}

/** Registers people where their chat will keep its data, so that they can be found by name before it runs. */
async function register(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const store = levelStore(join(world.folder, "chat-data", name));
    await (await createClient({ relay: world.url, userId: name, store })).close();
  }
}

describe("the chat in a group", { timeout: PROCESSES_MS }, () => {
  it("makes a group, is joined from another conversation, and says who wrote and what changed", async () => {
    await register("bob", "carol");
    const alice = chat("--as", "alice", "--group", "Team", "--invite", "bob,carol,nobody");
    await alice.shows("bob was invited");
    await alice.shows("nobody was not invited");
    const bob = chat("--as", "bob", "--to", "alice");
    await bob.shows('alice invites you to the group "Team"');
    bob.type("/join");
    await bob.shows("You are in Team");
    await alice.shows("· bob joined");
    const carol = chat("--as", "carol", "--to", "alice");
    await carol.shows("/join or /decline");
    carol.type("/join");
    await alice.shows("· carol joined");

    bob.type("hello from bob");
    await Promise.all([alice.shows(" bob: hello from bob"), carol.shows(": hello from bob")]);
    alice.type("/reply hello Bob");
    await bob.shows(" alice: ↪ hello Bob");

    alice.type("/role bob admin");
    await bob.shows("· alice made bob an admin");
    bob.type("/title Crew");
    await alice.shows('· bob called the group "Crew"');
    bob.type("/announce on");
    await carol.shows("lets only admins write");
    carol.type("may I?");
    await carol.shows("groupDenied");
    bob.type("/announce off");
    await carol.shows("lets everybody write");

    alice.type("/remove carol");
    await alice.shows("· alice removed carol");
    bob.type("without carol");
    await alice.shows(" bob: without carol");
    await carol.shows("· alice removed carol");
    expect(carol.shown).not.toContain("without carol");
    carol.type("still here?");
    await carol.shows("groupLeft");

    bob.type("/leave");
    await alice.shows("· bob left");
    for (const terminal of [alice, bob, carol]) expect(await terminal.quit()).toBe(0);

    const again = chat("--as", "alice", "--group", "Crew");
    await again.shows("· bob left");
    expect(again.shown).toContain(" bob: without carol");
    again.type("/members");
    await again.shows("owner  alice (you)");
  });

  it("says plainly which commands make no sense where", async () => {
    const alice = chat("--as", "alice", "--group", "Team");
    await alice.shows("alice made this group");
    alice.type("/safety");
    await alice.shows("/safety is about one other person");
    alice.type("/block");
    await alice.shows("A group cannot be blocked");
    alice.type("/timer soon");
    await alice.shows("/timer takes 30s, 5m, 1h or 7d");
    alice.type("/timer 1h");
    await alice.shows("· alice has messages from here on vanish 1 hour after they were read");
    alice.type("/role alice king");
    await alice.shows("one of member, admin, owner");
    await register("bob");
    alice.type("/to bob");
    alice.type("/members");
    await alice.shows("/members is for groups");
    alice.type("/open Nothing");
    await alice.shows("no group of that title");
    alice.type("/open Team");
    alice.type("/members");
    await alice.shows("owner  alice (you)");
  });

  it("joins a group it was invited to rather than making another of that title, if its user says so", async () => {
    const before = chat("--as", "bob", "--to", "alice");
    await before.shows("alice is not here yet");
    const alice = chat("--as", "alice", "--group", "Team", "--invite", "bob");
    await before.shows('alice invites you to the group "Team".');
    expect(await before.quit()).toBe(0);
    const bob = chat("--as", "bob", "--group", "Team");
    await bob.shows("Join it? [y/N]");
    bob.type("y");
    await alice.shows("· bob joined");
    await bob.shows("· bob joined");
    bob.type("/groups");
    await bob.shows("Team, 2 in it, you: member");
  });
});
