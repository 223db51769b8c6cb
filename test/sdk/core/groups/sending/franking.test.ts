import { describe, expect, it as test } from "vitest";
import { peer } from "../../people.js";
import { rowFor, sendingFixture } from "./fixture.js";

describe("what goes beside a ciphertext for a group", () => {
  test("is the frank for its members at the entry the message names, and its commitment", async () => {
    const it = await sendingFixture([peer]);
    it.relay.add(peer, [1, 11]);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", stamp: new Uint8Array(16) });
    const { payload } = it.said();
    if (payload.type !== "content") throw new Error(payload.type);
    expect(it.franking.asked.at(-1)?.whom).toEqual({ kind: "group", standing: payload.group });
    expect(payload.frank).toBeDefined();
    expect(it.relay.of("sendGroup").at(-1)?.commitment).toEqual(new Uint8Array(32).fill(1));
  });

  test("is waited for, and nothing leaves without", async () => {
    const it = await sendingFixture([peer]);
    it.relay.add(peer, [1, 11]);
    it.franking.isAwaited = true;
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "again" });
    expect(it.relay.of("sendGroup")).toEqual([]);
    it.franking.isAwaited = false;
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted" });
  });

  test("is asked for anew when the log moved on, for the members there are then", async () => {
    const it = await sendingFixture([peer]);
    it.relay.add(peer, [1, 11]);
    it.change([peer]);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted" });
    const standings = it.franking.asked.map(({ whom }) => whom.kind === "group" && whom.standing.revision);
    expect(standings).toEqual([9, 10]);
  });

  test("is random beside a key that is handed over", async () => {
    const it = await sendingFixture([peer]);
    it.relay.add(peer, [1, 11]);
    await it.send(rowFor(1));
    const [handed] = it.relay.of("send");
    expect(handed?.commitment).toHaveLength(32);
    expect(new Set(handed?.commitment).size).toBeGreaterThan(8);
  });
});
