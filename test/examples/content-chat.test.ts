/** The terminal chat with everything that is more than words: files, voice, polls, places, notes and search. */

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { soundOf } from "../support/sound-of.js";
import { World } from "../support/world.js";
import { Terminal } from "./terminal.js";

/** Several processes, each loading the whole SDK. */
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

function chat(as: string, to: string): Terminal {
  const data = join(world.folder, "clients", as);
  const terminal = Terminal.start(world.folder, ["--relay", world.url, "--data", data, "--as", as, "--to", to]);
  open.push(terminal);
  return terminal;
}

/** Two people who accepted each other, each in front of a terminal. */
async function people(): Promise<readonly [alice: Terminal, bob: Terminal]> {
  const { alice, bob } = await world.pair();
  await Promise.all([alice.close(), bob.close()]);
  return [chat("alice", "bob"), chat("bob", "alice")];
}

describe("the chat", { timeout: PROCESSES_MS }, () => {
  it("sends files and saves them, whatever their sender calls them", async () => {
    const [alice, bob] = await people();
    const picture = join(world.folder, "my beach.png");
    await sharp({ create: { width: 40, height: 30, channels: 3, background: "teal" } }).toFile(picture);
    alice.type(`/send "${picture}" from this morning`);
    await bob.shows("alice: from this morning");
    await bob.shows("[picture] my beach.png · ");
    await bob.shows(" · 40×30  (/save 1)");

    const words = "what is in it is nobody's business";
    const hostile = "evil\u001b[2J\u202egpj.exe";
    await writeFile(join(world.folder, hostile), words);
    alice.type(`/send ${join(world.folder, hostile)}`);
    await bob.shows(`[file] evil [2J gpj.exe · ${words.length} bytes  (/save 2)`);
    bob.type("/save 2");
    await bob.shows("Saved as evil[2Jgpj.exe");
    expect(await readFile(join(world.folder, "evil[2Jgpj.exe"), "utf8")).toBe(words);
    bob.type("/save 2");
    await bob.shows("Saved as evil[2Jgpj (2).exe");
    const elsewhere = join(world.folder, "elsewhere");
    await mkdir(elsewhere);
    bob.type("/save 1 elsewhere");
    await bob.shows("Saved as elsewhere/my beach.png");
    expect((await sharp(join(elsewhere, "my beach.png")).metadata()).height).toBe(30);
    expect(await readdir(elsewhere)).toEqual(["my beach.png"]);
    bob.type("/save 2 elsewhere/my\\ beach.png");
    await bob.shows("targetUnwritable");
    bob.type("/save 7");
    await bob.shows("There is no message of that number here.");
    alice.type("/send nothing.txt");
    await alice.shows("sourceUnreadable");
    alice.type("/pending");
    await alice.shows("All uploads are finished.");
  });

  it("shows voice notes, places, polls and who voted", async () => {
    const [alice, bob] = await people();
    await writeFile(
      join(world.folder, "note.wav"),
      soundOf(1, () => 1),
    );
    alice.type("/voice note.wav");
    await bob.shows("[voice] note.wav · ");
    await bob.shows("█ · 0:01 · 32.0 kB  (/save 1)");
    alice.type("/location 48.2085, 16.3731 Vienna");
    await bob.shows("[place] 48.2085, 16.3731 (Vienna)");
    alice.type("/poll Where?");
    await alice.shows("Like this: /poll");
    alice.type("/polls Where? | at the lake | in the park");
    await bob.shows("[poll] Where? (choose any)");
    bob.type("/vote 3 4");
    await bob.shows("invalidArgument");
    bob.type("/vote 3 1,2");
    await bob.answers("/poll 3", { words: "● 2  in the park ■ 1: bob\n", not: "○ 2  in the park\n" });
    alice.type("/vote 3 2");
    await bob.answers("/poll 3", { words: "in the park ■■ 2: ", not: "in the park ■ 1: bob\n" });
    await bob.answers("/poll 3", { words: "● 1  at the lake ■ 1: bob\n", not: "nobody" });
    alice.type("/vote 2 1");
    await alice.shows("/vote takes the number of a poll");
  });

  it("finds, pins, sends again, and forgets in time", async () => {
    const [alice, bob] = await people();
    alice.type("the strawberries are ripe");
    await bob.shows("strawberries");
    bob.type("/pin 1");
    await bob.shows("Pinned on all your devices");
    bob.type("/pins");
    await bob.shows("Pinned:\n  1 ");
    bob.type("/unpin 1");
    await bob.shows("The pin was taken off.");
    bob.type("/pins");
    await bob.shows("Nothing is pinned here.");
    bob.type("/quick add thanks Thank you, {name}!");
    bob.type("/quick");
    await bob.shows("  1  thanks: Thank you, {name}!");
    bob.type("/quick 1");
    await alice.shows(" bob: Thank you, alice!");
    alice.type("/search straw");
    await alice.shows("Found:\n  1 ");
    alice.type("/timer 1s");
    await bob.shows("· alice has messages from here on vanish 1 second after they were read");
    alice.type("the raspberries are gone");
    await bob.shows("alice: the raspberries are gone ⏱ 1 second");
    await bob.answers("/search raspberries", { words: "Nothing was found.", not: "Found:" });
    await alice.answers("/search raspberries", { words: "Nothing was found.", not: "Found:" });
    alice.type("/timer off");
    await bob.shows("· alice has messages stay");
  });
});
