/** One account, several devices: what they note for themselves is the same on all of them, and nobody else's. */

import { join } from "node:path";
import { type Client, createClient, type DirectConversation, fillQuickReply } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Linker } from "../support/linking.js";
import { nextEvent, World } from "../support/world.js";
import { Needle } from "./security/needle.js";
import { searchFiles, searchRows } from "./security/places.js";

const WAITING = { timeout: 20_000, interval: 25 };
let world: World;
let linker: Linker;
beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

/** The conversation with somebody on each device. */
function talksOf(devices: readonly Client[], { accountId }: Client): Promise<readonly DirectConversation[]> {
  return Promise.all(devices.map((device) => device.openDM({ accountId })));
}

/** A device's next run. */
async function reopen(name: string): Promise<Client> {
  if (name === "alice") return world.client("alice");
  return linker.keep(await createClient({ relay: world.url, userId: "alice", store: linker.storeOf(name) }));
}

/** Everything that is noted on a conversation, and for the account. */
async function notesOf(device: Client, talk: DirectConversation): Promise<unknown> {
  const pins = (await talk.pins()).map((item) => ("text" in item ? item.text : item.kind));
  const labels = (await talk.labels()).map(({ name }) => name);
  const [draft, assignee] = [await talk.draft(), await talk.assignee()];
  return { draft, assignee, pins, labels, all: await device.labels.list(), replies: await device.quickReplies.list() };
}

/** Waits until all devices show the same, and what is asked for. */
async function settledOn(
  devices: readonly Client[],
  talks: readonly DirectConversation[],
  expected: Record<string, unknown>,
): Promise<void> {
  await vi.waitFor(async () => {
    const notes = await Promise.all(devices.map((device, at) => notesOf(device, talks[at] as DirectConversation)));
    expect(notes[0]).toMatchObject(expected);
    for (const other of notes) expect(other).toEqual(notes[0]);
  }, WAITING);
}

describe("devices of one account", () => {
  it("share templates, drafts, pins, labels and assignment, and are told of each by an event", async () => {
    const { alice, bob, toBob, toAlice } = await world.pair();
    const phone = await linker.link(alice, "phone");
    const said = toAlice.send({ text: "where is my parcel?" });
    await said.delivered;
    const devices = [alice, phone];
    const talks = await talksOf(devices, bob);
    await vi.waitFor(async () => expect(await talks[1]?.latest(1)).toHaveLength(1), WAITING);
    const told: string[] = [];
    phone.addEventListener("notes", ({ kind, conversation }) => {
      told.push(`${kind} ${conversation === undefined ? "everywhere" : conversation === talks[1]}`);
    });

    const reply = await alice.quickReplies.put({ title: "Hello", text: "Hello {name}" });
    const label = await alice.labels.put({ name: "parcels", color: "green" });
    await toBob.label(label.id);
    await toBob.assign("Ann");
    await toBob.pin(said.id);
    await toBob.setDraft("It is on its w");
    const expected = { draft: "It is on its w", assignee: "Ann", pins: ["where is my parcel?"], labels: ["parcels"] };
    await settledOn(devices, talks, { ...expected, replies: [reply] });
    const expectedEvents = [
      ...["quickReply everywhere", "label everywhere"],
      ...["labelled true", "assignee true", "pin true", "draft true"],
    ];
    // An event comes behind the commit that the devices were seen by.
    await vi.waitFor(() => expect(new Set(told)).toEqual(new Set(expectedEvents)), WAITING);

    expect(fillQuickReply(reply, { name: "Bob" })).toBe("Hello Bob");
    expect(await phone.conversations({ label: label.id, assignee: "Ann" })).toEqual([talks[1]]);
    expect(await phone.conversations({ assignee: "Bea" })).toEqual([]);
    await phone.labels.remove(label.id);
    await talks[1]?.setDraft(undefined);
    await settledOn(devices, talks, { draft: undefined, labels: [], all: [] });
    expect(await alice.conversations({ label: label.id })).toEqual([]);
  });

  it("end alike when two of three wrote offline, over restarts, and a new one is told all of it", async () => {
    const { alice, bob } = await world.pair();
    const phone = await linker.link(alice, "phone");
    const tablet = await linker.link(alice, "tablet");
    const [, label] = [
      await tablet.quickReplies.put({ title: "A", text: "a" }),
      await tablet.labels.put({ name: "old" }),
    ];
    await settledOn([alice, phone, tablet], await talksOf([alice, phone, tablet], bob), { all: [label] });

    await world.stopRelay();
    const [onAlice, onPhone] = await talksOf([alice, phone], bob);
    for (let number = 0; number < 50; number++) await onAlice?.setDraft(`typed ${number}`);
    await onPhone?.setDraft("the later words");
    await onPhone?.label(label.id);
    await onAlice?.assign("Ann");
    await alice.labels.put({ ...label, name: "new" });
    await Promise.all([alice.close(), phone.close()]);
    await world.startRelay();
    const [first, second] = [await reopen("alice"), await reopen("phone")];
    const devices = [first, second, tablet];
    const talks = await talksOf(devices, bob);
    await settledOn(devices, talks, { assignee: "Ann", labels: ["new"] });
    // Which of two devices wrote later, their estimates of the relay's clock say; that all say the same is the point.
    const draft = await talks[0]?.draft();
    expect(["typed 49", "the later words"]).toContain(draft);
    const expected = { draft, assignee: "Ann", labels: ["new"] };

    const watch = await linker.link(first, "watch");
    const all = [...devices, watch];
    await settledOn(all, await talksOf(all, bob), expected);
  });

  it("agree on one of two agents who take a conversation at once, and on both their labels", async () => {
    const { alice, bob } = await world.pair();
    const phone = await linker.link(alice, "phone");
    const devices = [alice, phone];
    const talks = await talksOf(devices, bob);
    const labels = await Promise.all(devices.map((device, at) => device.labels.put({ name: `of ${at}` })));
    await settledOn(devices, talks, { all: labels });
    for (let round = 0; round < 5; round++) {
      await Promise.all([
        ...talks.map((talk, at) => talk.assign(`agent ${at} in round ${round}`)),
        ...talks.map((talk, at) => talk.label(labels[at]?.id ?? "")),
      ]);
      await settledOn(devices, talks, { labels: ["of 0", "of 1"] });
      expect(await talks[0]?.assignee()).toMatch(`in round ${round}`);
      await Promise.all(talks.map((talk, at) => talk.unlabel(labels[at]?.id ?? "")));
      await settledOn(devices, talks, { labels: [] });
    }
  });

  it("note on groups as on conversations with one", async () => {
    const alice = await world.client("alice");
    const phone = await linker.link(alice, "phone");
    const group = await alice.groups.create({ title: "Support" });
    await vi.waitFor(async () => expect(await phone.groups.get(group.id)).toBeDefined(), WAITING);
    const onPhone = await phone.groups.get(group.id);
    const noted = nextEvent<{ conversation: unknown }>(phone, "notes");
    await group.assign("Ann");
    expect((await noted).conversation).toBe(onPhone);
    expect(await onPhone?.assignee()).toBe("Ann");
    await onPhone?.setDraft("to all");
    await vi.waitFor(async () => expect(await group.draft()).toBe("to all"), WAITING);
  });

  it("hear nothing more of a revoked one, which keeps what it noted to itself", async () => {
    const { alice, bob, toBob } = await world.pair();
    const phone = await linker.link(alice, "phone");
    const [onPhone] = await talksOf([phone], bob);
    await onPhone?.assign("phone");
    await vi.waitFor(async () => expect(await toBob.assignee()).toBe("phone"), WAITING);
    const revoked = nextEvent<{ state: string }>(phone, "state", ({ state }) => state === "revoked");
    await alice.devices.revoke(phone.deviceId);
    await revoked;
    await onPhone?.assign("thief");
    await toBob.setDraft("mine");
    const tablet = await linker.link(alice, "tablet");
    const talks = await talksOf([alice, tablet], bob);
    await settledOn([alice, tablet], talks, { assignee: "phone", draft: "mine" });
    expect(await onPhone?.draft()).toBeUndefined();
  });

  it("leave at the relay, and in the clear on their own disks, nothing of what they note", async () => {
    const { alice, bob, toBob } = await world.pair();
    const phone = await linker.link(alice, "phone");
    const [onPhone] = await talksOf([phone], bob);
    const words = ["quickTitle", "quickText", "draftWords", "labelName", "agentName"].map(
      (name) => `canary-${name}-7f3a`,
    );
    const [title = "", text = "", draft, name = "", agent] = words;
    await phone.close();
    await alice.quickReplies.put({ title, text });
    const label = await alice.labels.put({ name });
    await toBob.label(label.id);
    await toBob.assign(agent);
    await toBob.setDraft(draft);
    await vi.waitFor(async () => expect((await alice.debugBundle()).outboxSize).toBe(0), WAITING);
    await alice.close();
    await world.stopRelay();
    const needles = [...words, label.id, onPhone?.id ?? ""].map((word) => Needle.ofText(word, word));
    const relay = join(world.folder, "relay");
    expect(await searchFiles(relay, needles)).toEqual([]);
    expect(await searchRows(relay, needles)).toEqual([]);
    expect(await searchFiles(join(world.folder, "clients"), needles)).toEqual([]);
  });
});
