/** Reporting in the terminal chat: what would leave is shown first, and leaves only after a yes. */

import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AtDesk } from "../support/at-desk.js";
import { World } from "../support/world.js";
import { Terminal } from "./terminal.js";

let world: World;
let terminal: Terminal | undefined;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  terminal?.end();
  await world.close();
});

describe("the chat", { timeout: 60_000 }, () => {
  it("shows what a report would tell, sends it only after a yes, and says how it stands", async () => {
    const desk = await AtDesk.join(world);
    const { alice, toAlice } = await world.pair();
    await alice.close();
    const data = join(world.folder, "clients", "alice");
    terminal = Terminal.start(world.folder, ["--relay", world.url, "--data", data, "--as", "alice", "--to", "bob"]);
    await toAlice.send({ text: "you will regret it" }).accepted;
    await terminal.shows("bob: you will regret it");
    terminal.type("/report 1 rudeness");
    await terminal.shows("/report N CATEGORY WORDS reports message N.");
    terminal.type("/report yes");
    await terminal.shows("There is no report to agree to.");
    terminal.type("/report 1 threat he knows where I live");
    await terminal.shows("To the community moderators, for threat. They would read:");
    await terminal.shows("reported: you will regret it");
    await terminal.shows("your words: he knows where I live");
    terminal.type("/report no");
    await terminal.shows("Nothing was sent.");
    expect(await desk.service.queue(desk.by)).toEqual([]);
    terminal.type("/report 1 threat");
    terminal.type("/report yes");
    await terminal.shows("Reported.");
    await terminal.answers("/reports", { words: "threat: received", not: "threat: " });
    expect(await desk.service.queue(desk.by)).toMatchObject([{ category: "threat", trust: "verified" }]);
  });
});
