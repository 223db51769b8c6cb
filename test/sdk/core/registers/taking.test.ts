/** Whose words on registers the inbox takes. */

import { encodeRegisters, type Register } from "@sotto/protocol";
import { expect, it } from "vitest";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { type InboxFixture, inboxFixture, otherDevice } from "../inbox/fixture.js";
import { conversationId, me } from "../people.js";
import { wordOf } from "./fixture.js";

const word = wordOf("draft", conversationId, { atMs: 5, value: { text: "hi" } });
const saying = (...words: readonly Register[]) => ({ type: "registers", body: encodeRegisters(words) }) as const;

async function drafts({ store }: InboxFixture): Promise<readonly Register[]> {
  return (await store.list(range(keys.registers, 9))).map(({ value }) => decodeRow("register", value));
}

it("takes what another device of this account says, and notes it once it is acknowledged", async () => {
  const fixture = await inboxFixture();
  await fixture.deliver(fixture.own(saying(word)));
  expect(await drafts(fixture)).toEqual([word]);
  expect(fixture.told).toEqual([`noted draft ${conversationId}`]);
  expect(fixture.acknowledged.at(-1)).toBe(1);
});

it("takes nothing of it from a contact", async () => {
  const fixture = await inboxFixture();
  await fixture.relate("accepted");
  await fixture.deliver(fixture.said(saying(word)));
  expect(await drafts(fixture)).toEqual([]);
  expect(fixture.told).toEqual([]);
  expect(fixture.counters.snapshot()).toEqual({ unfit: 1 });
});

it("takes nothing of it from a device that the relay lists no more", async () => {
  const fixture = await inboxFixture();
  await fixture.deliver({ ...fixture.own(saying(word)), device: otherDevice + 1 });
  expect(await drafts(fixture)).toEqual([]);
  expect(fixture.counters.snapshot()).toEqual({ rejected: 1 });
});

it("takes nothing of a body that does not parse, and of one that does only what is in form", async () => {
  const fixture = await inboxFixture();
  await fixture.deliver(fixture.own({ type: "registers", body: Uint8Array.of(1) }));
  await fixture.deliver(fixture.own(saying({ ...word, key: me }, { ...word, value: Uint8Array.of(9) }, word)));
  expect(await drafts(fixture)).toEqual([word]);
  expect(fixture.counters.snapshot()).toEqual({ unfit: 1, opened: 1 });
  expect(fixture.acknowledged.at(-1)).toBe(2);
});
