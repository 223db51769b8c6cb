import { FORGET_EMPTIED_MS, limits, MAX_REGISTER_MS, registerTable } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idOf, type Replica, replica, wordOf } from "./fixture.js";

const DAY_MS = 86_400_000;
const talk = idOf(1);
const label = (name: string) => ({ name });

describe("registers", () => {
  it("end alike on three devices that write at once, whoever hears what of whom first, and how often", async () => {
    const write = fc.record({
      by: fc.nat(2),
      kind: fc.constantFrom("draft", "assignee", "label" as const),
      key: fc.nat(1),
      text: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
      /** How far the clocks are apart, in ms. */
      skewMs: fc.constantFrom(0, 0, 1, -1, 10 * DAY_MS),
      /** Whom the words so far reach before the next one. */
      reaches: fc.subarray([0, 1, 2]),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { minLength: 1, maxLength: 10 }),
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        async (writes, order) => {
          const devices = await Promise.all([1, 2, 3].map((number) => replica(number)));
          const at = (index: number) => devices[index] as Replica;
          for (const { by, kind, key, text, skewMs, reaches } of writes) {
            at(by).aheadMs = skewMs;
            const value = { draft: { text: text ?? "" }, assignee: { agent: text ?? "" }, label: { name: text ?? "" } }[
              kind
            ];
            await at(by).put(kind, idOf(key), (text === undefined ? undefined : value) as never);
            for (const reached of reaches) {
              if (reached !== by) for (const words of await at(by).waiting()) await at(reached).hear(words);
            }
          }
          for (const from of order) {
            const told = await at(from).waiting();
            for (const to of [...order].reverse()) {
              if (to !== from) for (const words of [...told].reverse()) await at(to).hear(words);
            }
          }
          const [one, two, three] = await Promise.all(devices.map((device) => device.all()));
          expect(two).toEqual(one);
          expect(three).toEqual(one);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("lose no word to one that is said here while it comes", async () => {
    for (const isHeardFirst of [true, false]) {
      const it = await replica(1);
      const theirs = wordOf("draft", talk, { atMs: it.clock.now() + 5_000, value: { text: "theirs" } });
      const works = [() => it.hear([theirs]), () => it.put("draft", talk, { text: "mine" })];
      await Promise.all((isHeardFirst ? works : works.reverse()).map((work) => work()));
      const other = await replica(2);
      await other.hear([theirs]);
      for (const words of await it.waiting()) await other.hear(words);
      expect(await other.all()).toEqual(await it.all());
      expect(await it.registers.get("draft", talk)).toEqual({ text: isHeardFirst ? "mine" : "theirs" });
    }
  });

  it("are the same after a restart", async () => {
    const first = await replica(1);
    await first.put("draft", talk, { text: "begun" });
    const again = await replica(1, { store: first.store });
    expect(await again.registers.get("draft", talk)).toEqual({ text: "begun" });
    expect(await again.waiting()).toHaveLength(1);
  });

  it("take a word from a clock far ahead, and let the next one from any clock replace it", async () => {
    const it = await replica(1);
    const farMs = it.clock.now() + 400 * 365 * DAY_MS;
    await it.hear([wordOf("draft", talk, { atMs: farMs, value: { text: "from the future" } })]);
    expect(await it.registers.get("draft", talk)).toEqual({ text: "from the future" });
    await it.put("draft", talk, { text: "from now" });
    const [words] = await it.waiting();
    const other = await replica(2);
    await other.hear([wordOf("draft", talk, { atMs: farMs, value: { text: "from the future" } })]);
    await other.hear(words ?? []);
    expect(await other.registers.get("draft", talk)).toEqual({ text: "from now" });
  });

  it("refuse to change what another device took to the end of time, and only that", async () => {
    const it = await replica(1);
    await it.hear([wordOf("label", talk, { atMs: MAX_REGISTER_MS, device: 127, value: label("mine") })]);
    await expect(it.put("label", talk, label("ours"))).rejects.toMatchObject({ code: "invalidArgument" });
    await it.put("label", idOf(2), label("another"));
    await it.put("label", idOf(2), label("changed"));
    expect(await it.registers.get("label", idOf(2))).toEqual(label("changed"));
  });

  it("say nothing of what is so already", async () => {
    const it = await replica(1);
    await it.put("assignee", talk, { agent: "Ann" });
    const before = await it.all();
    await it.put("assignee", talk, { agent: "Ann" });
    await it.put("draft", talk, undefined);
    expect(await it.all()).toEqual(before);
  });

  it("note what another device changed, once it is there, and nothing where values stay the same", async () => {
    const it = await replica(1);
    const atMs = it.clock.now();
    await it.hear([
      wordOf("draft", talk, { atMs, value: { text: "hi" } }),
      wordOf("label", idOf(2), { atMs, value: label("A") }),
      wordOf("label", idOf(3), { atMs, value: label("B") }),
    ]);
    expect(it.noted.splice(0)).toEqual([`draft ${talk}`, "label "]);
    await it.hear([wordOf("draft", talk, { atMs: atMs + 1, value: { text: "hi" } })]);
    await it.hear([wordOf("draft", talk, { atMs: atMs - 1, value: { text: "older" } })]);
    await it.hear([wordOf("draft", idOf(9), { atMs })]);
    expect(it.noted).toEqual([]);
  });
});

describe("bounds", () => {
  it("hold for what this device makes: one more is refused and told to nobody, until one is taken away", async () => {
    const it = await replica(1);
    for (let number = 0; number < limits.labelsPerConversation.value; number++) {
      await it.put("labelled", `${talk}/${idOf(number)}`, {});
    }
    const before = await it.waiting();
    await expect(it.put("labelled", `${talk}/${idOf(99)}`, {})).rejects.toMatchObject({ code: "invalidArgument" });
    expect(await it.waiting()).toEqual(before);
    await it.put("labelled", `${idOf(2)}/${idOf(99)}`, {});
    await it.put("labelled", `${talk}/${idOf(0)}`, undefined);
    await it.put("labelled", `${talk}/${idOf(99)}`, {});
    expect(await it.registers.list("labelled", talk)).toHaveLength(limits.labelsPerConversation.value);
  });

  it("leave the same on every device of what another one sends beyond them", async () => {
    const { kept } = registerTable.labelled;
    const words = Array.from({ length: kept + 40 }, (_, number) =>
      wordOf("labelled", `${talk}/${idOf(number)}`, { atMs: 1_000 + ((number * 7) % 50), value: {} }),
    );
    const one = await replica(1);
    const other = await replica(3);
    for (let at = 0; at < words.length; at += 64) await one.hear(words.slice(at, at + 64));
    for (let at = words.length; at > 0; at -= 50) await other.hear(words.slice(Math.max(0, at - 50), at));
    expect(await one.all()).toHaveLength(kept);
    expect(await other.all()).toEqual(await one.all());
  });

  it("refuse values and keys out of form, here and from another device", async () => {
    const it = await replica(1);
    const wrong = { code: "invalidArgument" };
    await expect(it.put("draft", talk, { text: "x".repeat(limits.textBytes.value + 1) })).rejects.toMatchObject(wrong);
    await expect(it.put("draft", talk, { text: "\ud800" })).rejects.toMatchObject(wrong);
    await expect(it.put("label", "not an id", label("A"))).rejects.toMatchObject(wrong);
    const word = wordOf("label", idOf(2), { atMs: 1, value: label("A") });
    await it.hear([{ ...word, key: "not an id" }, { ...word, value: Uint8Array.of(1) }, word]);
    expect((await it.all()).map(({ key }) => key)).toEqual([idOf(2)]);
  });
});

describe("an emptied register", () => {
  it("is kept for half a year, so that an older word brings nothing back, and then deleted", async () => {
    const it = await replica(1);
    await it.put("draft", talk, { text: "gone soon" });
    await it.put("draft", talk, undefined);
    await it.put("draft", idOf(2), { text: "stays" });
    it.clock.setNow(it.clock.now() + FORGET_EMPTIED_MS - 10_000);
    await it.registers.purge();
    await it.hear([wordOf("draft", talk, { atMs: 1, value: { text: "an old word" } })]);
    expect((await it.all()).map(({ key, value }) => [key, value !== undefined])).toEqual([
      [talk, false],
      [idOf(2), true],
    ]);
    it.clock.setNow(it.clock.now() + 20_000);
    await it.registers.purge();
    expect((await it.all()).map(({ key }) => key)).toEqual([idOf(2)]);
  });
});
