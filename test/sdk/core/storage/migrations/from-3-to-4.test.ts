import { beforeAll, describe, expect, it } from "vitest";
import { Search } from "../../../../../sdk/core/search/search.js";
import { SearchIndex } from "../../../../../sdk/core/search/search-index.js";
import { FORMAT, HEADER_KEY } from "../../../../../sdk/core/storage/store-header.js";
import { manualClock } from "../../link/manual-clock.js";
import { conversationId, messageId, peer, Talk } from "../../people.js";
import { openSealed } from "../fixture.js";
import { UnsafeMemoryStore } from "../unsafe-memory-store.js";
import { type OldStore, oldStore, placeOf } from "./old-store.js";

let fixture: OldStore;
beforeAll(async () => {
  fixture = await oldStore(3);
});

const oldPlace = () => placeOf(fixture);

describe("a store of format 3", () => {
  it("opens with every row as it was, and is of the present format then, which a program of format 3 refuses", async () => {
    const place = oldPlace();
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(3);
    const store = await openSealed(new UnsafeMemoryStore(place));
    await store.close();
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(FORMAT);
    expect(place.rows.size).toBe(Object.keys(fixture.rows).length);
    for (const [key, value] of oldPlace().rows) if (key !== HEADER_KEY) expect(place.rows.get(key)).toEqual(value);
  });

  it("shows what it showed, and can be gone on with: searched, and polled", async () => {
    const talk = await Talk.open(await openSealed(new UnsafeMemoryStore(oldPlace())));
    const shown = (await talk.items()).map((item) => ("text" in item ? `${item.kind}: ${item.text}` : item.kind));
    // What is on its way is found by its row of the outbox, which this store has none of.
    expect(shown.sort()).toEqual(["custom", "delete", "deleted", "edit: hello again", "text: hello again"]);
    const index = new SearchIndex({ store: talk.store, clock: manualClock(), failed: () => undefined });
    await index.load();
    const thread = { kind: "direct", peer, ...talk, tell: () => undefined } as never;
    const search = new Search({ index, shown: async () => new Map([[conversationId, thread]]) });
    const found = async (query: string) =>
      (await search.find(query, {})).map(({ item }) => "messageId" in item && item.messageId);
    expect(await found("hello")).toEqual([messageId(1)]);
    expect(await found("gone")).toEqual([]);
    await talk.say(peer, 8, { kind: "poll", question: "again?", options: ["yes", "no"], choose: "one" });
    expect(await found("again")).toEqual(expect.arrayContaining([messageId(1), messageId(8)]));
    await index.close();
  });
});
