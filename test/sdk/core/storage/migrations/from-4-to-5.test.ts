import { type ConversationId, parseAccountId } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { GroupRows } from "../../../../../sdk/core/groups/log/group-rows.js";
import { membersAt, spansOf } from "../../../../../sdk/core/groups/log/spans.js";
import { Shown } from "../../../../../sdk/core/groups/shown.js";
import { decodeRow, eachRow, keys, type rows } from "../../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { FORMAT, HEADER_KEY } from "../../../../../sdk/core/storage/store-header.js";
import { openSealed } from "../fixture.js";
import { UnsafeMemoryStore } from "../unsafe-memory-store.js";
import { type OldStore, oldStore, placeOf } from "./old-store.js";
import { expectSurvivesPowerLoss } from "./power-loss.js";

/** Written by the code of format 4: what waits and what was sent, a group, an invitation, and mail that is held. */
let fixture: OldStore<"me" | "bob" | "carol" | "group" | "asked">;
beforeAll(async () => {
  fixture = await oldStore(4);
});

const oldPlace = () => placeOf(fixture);

const named: readonly (readonly [string, keyof typeof rows])[] = [
  [keys.outboxAll, "outbox"],
  [keys.sentAll, "sent"],
  [keys.groups, "group"],
  [keys.invitations, "invitation"],
  [keys.heldAll, "held"],
  [keys.undecryptables, "undecryptable"],
];

/** Every row of the store in its present shape, as text. */
async function everyRow(store: SealedStore): Promise<readonly string[]> {
  const all: string[] = [];
  for (const [prefix, name] of named) {
    for await (const { key, value } of eachRow(store, prefix))
      all.push(`${key} ${JSON.stringify(decodeRow(name, value))}`);
  }
  return all;
}

async function rowsOf<Name extends keyof typeof rows>(store: SealedStore, prefix: string, name: Name) {
  const found: ReturnType<typeof decodeRow<Name>>[] = [];
  for await (const { value } of eachRow(store, prefix)) found.push(decodeRow(name, value));
  return found;
}

describe("a store of format 4", () => {
  it("keeps what waits to be sent, but for what nobody takes in that form any more", async () => {
    const place = oldPlace();
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(4);
    const store = await openSealed(new UnsafeMemoryStore(place));
    expect(place.rows.get(HEADER_KEY)?.[5]).toBe(FORMAT);
    const { me, bob, group } = fixture.ids;
    const waiting = await rowsOf(store, keys.outboxAll, "outbox");
    expect(waiting.map(({ type, recipient, group, atMs }) => [type, recipient, group, atMs])).toEqual([
      ["content", bob, undefined, undefined],
      ["content", undefined, group, undefined],
      ["sent", me, undefined, 44],
    ]);
    expect(await rowsOf(store, keys.sentAll, "sent")).toMatchObject([{ type: "content", recipient: bob, resends: 1 }]);
  });

  it("knows the members of its groups as of the last entry it read, and shows no title that nobody stated", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    const groups = new GroupRows(store);
    await groups.load();
    const group = groups.get(fixture.ids.group as ConversationId);
    if (group?.state === undefined) throw new Error("no group");
    expect(group).toMatchObject({ status: "joined", checkpoint: "owed", state: { title: "Old" } });
    const everybody = [fixture.ids.me, fixture.ids.bob].map(parseAccountId);
    expect([membersAt(spansOf(group.state), 9, 9), membersAt(spansOf(group.state), 9, 8)]).toEqual([
      everybody,
      undefined,
    ]);
    const shown = new Shown(store);
    await shown.load();
    expect(shown.of(group.group, group.state).title).toBe("");
    const [invitation] = await rowsOf(store, keys.invitations, "invitation");
    expect(invitation).toMatchObject({ group: fixture.ids.asked, revision: 2, title: "", atMs: 66 });
  });

  it("asks again for the mail that it held, which nothing says may be shown", async () => {
    const store = await openSealed(new UnsafeMemoryStore(oldPlace()));
    expect(await rowsOf(store, keys.heldAll, "held")).toEqual([]);
    const asked = await rowsOf(store, keys.undecryptables, "undecryptable");
    expect(asked).toMatchObject([
      { sender: fixture.ids.bob, conversation: fixture.ids.group, acceptedMs: 901 },
      { sender: fixture.ids.bob, sequence: 4 },
    ]);
  });

  it("opens the same after power was lost at any write of the migration", async () => {
    await expectSurvivesPowerLoss({ oldPlace, format: 4, everyRow, moreThan: 4 });
  });
});
