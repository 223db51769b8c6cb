/** Searching what was said: found while it is there, and nowhere once it is gone. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client, Item } from "@sotto/sdk/node";
import { afterEach, describe, expect, it } from "vitest";
import { groupOf, until } from "../support/group-people.js";
import { befriend, World } from "../support/world.js";

let world: World;
afterEach(async () => {
  await world.close();
});

const wordsOf = (item: Item) => (item.kind === "text" || item.kind === "reply" ? item.text : item.kind);
const found = async (client: Client, query: string) => (await client.search(query)).map(({ item }) => wordsOf(item));
const finds = (client: Client, query: string, expected: readonly string[]) =>
  until(async () => JSON.stringify(await found(client, query)) === JSON.stringify(expected), `${query} found`);

describe("a search", () => {
  it("finds what both sides and groups said, latest first, by any case, accent and beginning", async () => {
    world = await World.open();
    const { alice, bob, toBob, toAlice } = await world.pair();
    const [group, seenByBob] = await groupOf([alice, bob], { title: "Team" });
    await toBob.send({ text: "Café at noon?" }).accepted;
    await toAlice.send({ text: "the CAFE is closed" }).accepted;
    await group?.send({ text: "cafeteria then" }).accepted;
    await finds(bob, "cafe", ["cafeteria then", "the CAFE is closed", "Café at noon?"]);
    expect(await found(alice, "caf")).toEqual(["cafeteria then", "the CAFE is closed", "Café at noon?"]);
    expect(await found(bob, "cafe noon")).toEqual(["Café at noon?"]);
    expect(await found(bob, "noon cafe is")).toEqual([]);
    expect(await found(bob, " ?! ")).toEqual([]);
    const [hit] = await bob.search("cafeteria", { conversation: seenByBob?.id });
    expect(hit?.conversation).toBe(seenByBob);
    expect(await bob.search("cafeteria", { conversation: toAlice.id })).toEqual([]);
    const [first, ...rest] = await bob.search("cafe", { limit: 1 });
    expect(rest).toEqual([]);
    const further = await bob.search("cafe", { before: first?.item.order });
    expect(further.map(({ item }) => wordsOf(item))).toEqual(["the CAFE is closed", "Café at noon?"]);
  });

  it("finds an edited message by its new words only, and a deleted one not at all, also over a restart", async () => {
    world = await World.open();
    const { alice, bob, toBob } = await world.pair();
    const edited = toBob.send({ text: "meet at the harbour" });
    const deleted = toBob.send({ text: "the secret harbour" });
    await Promise.all([edited.accepted, deleted.accepted]);
    await finds(bob, "harbour", ["the secret harbour", "meet at the harbour"]);
    await toBob.edit(edited.id, { text: "meet at the lighthouse" }).accepted;
    await toBob.delete(deleted.id).accepted;
    await finds(bob, "lighthouse", ["meet at the lighthouse"]);
    await finds(bob, "harbour", []);
    await bob.close();
    const again = await world.client("bob");
    expect(await found(again, "harbour")).toEqual([]);
    expect(await found(again, "lighthouse")).toEqual(["meet at the lighthouse"]);
    expect(await found(alice, "harbour")).toEqual([]);
  });

  it("shows nothing of people who only ask, were declined or are blocked", async () => {
    world = await World.open();
    const [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
    await (await alice.openDM({ userId: "bob" })).send({ text: "strange offer" }).accepted;
    for await (const request of bob.requests()) {
      expect(await found(bob, "offer")).toEqual([]);
      await request.accept();
      break;
    }
    expect(await found(bob, "offer")).toEqual(["strange offer"]);
    await (await bob.openDM({ userId: "alice" })).block();
    expect(await found(bob, "offer")).toEqual([]);
  });

  it("leaves no word on the disk, searched or not", async () => {
    world = await World.open();
    const [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
    const { toBob } = await befriend(alice, bob);
    await toBob.send({ text: "xylophonic quagmires" }).accepted;
    await finds(bob, "xylophonic", ["xylophonic quagmires"]);
    await bob.close();
    const folder = join(world.folder, "clients", "bob");
    const names = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const bytes = await readFile(join(file.parentPath, file.name));
      for (const term of ["xylophonic", "quagmires", "searchsegment/x"]) expect(bytes.includes(term)).toBe(false);
    }
    expect(
      (await Promise.all(files.map((f) => readFile(join(f.parentPath, f.name))))).some((b) =>
        b.includes("searchsegment/"),
      ),
    ).toBe(true);
  });
});
