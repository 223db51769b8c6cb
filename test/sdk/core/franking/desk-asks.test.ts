import { deskBox, enrolmentText, toHex } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { decodeRow, keys } from "../../../../sdk/core/rows.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { connect, type FrankingFixture, frankingFixture, speaker } from "./fixture.js";

const engine = await nodePlatform.engine();

async function known(): Promise<FrankingFixture> {
  const fixture = await frankingFixture();
  await connect(fixture);
  return fixture;
}

const topics = ({ desk }: FrankingFixture) => desk.asked.map(({ topic }) => topic);

describe("asking the desk", () => {
  it("enrols once, with a key that was here before it left, signed by the identity", async () => {
    const { desk, asks, store, realm } = await known();
    await asks.ask("notes", { after: 0 });
    expect(desk.enrolments).toHaveLength(1);
    const [enrolment] = desk.enrolments;
    if (enrolment === undefined) throw new Error("nobody enrolled");
    const row = decodeRow("enrolled", (await store.get(keys.enrolled)) as Uint8Array);
    expect(row).toMatchObject({ state: "known" });
    expect(toHex(row.deskKey)).toBe(toHex(enrolment.deskKey));
    const text = enrolmentText(realm.id, speaker, enrolment);
    expect(engine.verify(enrolment.identityKey, text, enrolment.signature)).toBe(true);
    expect(enrolment.box).toHaveLength(deskBox(new Uint8Array(32)).publicKey.length);
  });

  it("enrols no second time after a restart", async () => {
    const fixture = await known();
    fixture.tokens.close();
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    await next.asks.ask("notes", { after: 0 });
    expect(next.desk.enrolments).toHaveLength(1);
  });

  it("enrols again under the same key where the desk forgot it, and asks once more", async () => {
    const fixture = await known();
    const { desk, asks } = fixture;
    desk.forget();
    expect(await asks.ask("notes", { after: 0 })).toMatchObject({ kind: "notes" });
    expect(topics(fixture).slice(-3)).toEqual(["notes", "enrol", "notes"]);
    expect(new Set(desk.enrolments.map(({ deskKey }) => toHex(deskKey))).size).toBe(1);
  });

  it("leaves the key it had before when a crash came between", async () => {
    const fixture = await frankingFixture();
    fixture.link = "waiting";
    fixture.desk.available = "deskAway";
    fixture.link = "ready";
    await connect(fixture);
    const before = decodeRow("enrolled", (await fixture.store.get(keys.enrolled)) as Uint8Array);
    expect(before.state).toBe("asked");
    fixture.tokens.close();
    fixture.desk.available = "yes";
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    await connect(next);
    expect(next.desk.enrolments.map(({ deskKey }) => toHex(deskKey))).toEqual([toHex(before.deskKey)]);
  });

  it.each([
    ["muted", "muted"],
    ["suspended", "suspended"],
    ["deviceRevoked", "suspended"],
    ["quota", "tooManyRequests"],
    ["identityMoved", "identityMoved"],
    ["hostToken", "badToken"],
    ["epoch", "busy"],
    ["badAsk", "badFrame"],
    ["unknownDevice", "busy"],
  ] as const)("is told %s as %s", async (reason, code) => {
    const { desk, asks } = await known();
    desk.refusal = { reason };
    await expect(asks.ask("notes", { after: 0 })).rejects.toMatchObject({ code });
  });

  it("hands on what the host says of who this is, sealed, and goes on after the host failed to", async () => {
    const words = ["token of alice"];
    const hostToken = async () => {
      const word = words.shift();
      if (word === undefined) throw new Error("the host is down");
      return word;
    };
    const fixture = await frankingFixture({ hostToken });
    await connect(fixture);
    expect(fixture.desk.enrolments.map((one) => one.hostToken)).toEqual(["token of alice"]);
    fixture.desk.forget();
    await expect(fixture.asks.ask("notes", { after: 0 })).rejects.toMatchObject({ code: "badToken" });
    expect(fixture.failures).toEqual([]);
    words.push("another");
    expect(await fixture.asks.ask("notes", { after: 0 })).toMatchObject({ kind: "notes" });
  });

  it("hears how long a refusal holds", async () => {
    const { desk, asks, clock } = await known();
    desk.refusal = { reason: "muted", untilMs: clock.now() + 5_000 };
    await expect(asks.ask("notes", { after: 0 })).rejects.toMatchObject({ retryAfterMs: 5_000 });
  });
});
