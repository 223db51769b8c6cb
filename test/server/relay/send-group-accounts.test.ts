/** The accounts of a group send: their devices, their tags, and one that cannot take it. */

import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { community, late, strictly } from "./support/community.js";
import { TestDevice } from "./support/device.js";
import { sentMessage } from "./support/sent-message.js";
import { tagsOf } from "./support/test-group.js";
import { POLICY, sealedTo, sendFrame } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

describe("the accounts of a group send", () => {
  it("whose devices are wrong are named in one answer, with bundles if wanted, and nothing is stored", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob", "carol"]);
    const [alice, bob] = people as unknown as readonly [(typeof people)[0], (typeof people)[0]];
    const second = new TestDevice(alice.person);
    await relay.registered(second, "add");
    const message = sentMessage([
      { account: alice.account, devices: [{ device: 1, registrationId: (alice.device.registrationId % 0x3fff) + 1 }] },
      {
        account: bob.account,
        devices: [
          { device: 1, registrationId: bob.device.registrationId },
          { device: 9, registrationId: 5 },
        ],
      },
      {
        account: people[2]?.account as never,
        devices: [{ device: 1, registrationId: people[2]?.device.registrationId as never }],
      },
    ]);
    sender.say(group.send(sender, devices, { message, wantBundles: "yes" }));
    const answer = await sender.next("deviceMismatch");
    expect(answer).toMatchObject({
      accounts: [
        { account: alice.account, missing: [2], extra: [], stale: [1] },
        { account: bob.account, missing: [], extra: [9], stale: [] },
      ],
      denied: [],
      bundles: [{ account: alice.account, identityKey: alice.person.identityKey }],
    });
    expect(answer.bundles[0]?.devices.map(({ device }) => device)).toEqual([1, 2]);
    for (const { client } of people) expect(await client.rest()).not.toContain("deliver");
  });

  it("get bundles for sixteen of them at most, and the sender fetches the rest", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `person ${index}`);
    const { people, group, sender, devices } = await community(names);
    const message = sentMessage(
      people.map(({ account, device }) => ({
        account,
        devices: [{ device: 1, registrationId: (device.registrationId % 0x3fff) + 1 }],
      })),
    );
    sender.say(group.send(sender, devices, { message, wantBundles: "yes" }));
    const answer = await sender.next("deviceMismatch");
    expect(answer.accounts.map(({ stale }) => stale)).toEqual(people.map(() => [1]));
    expect(answer.bundles.map(({ account }) => account)).toEqual(people.slice(0, 16).map(({ account }) => account));
    sender.say(group.send(sender, devices, { message }));
    expect((await sender.next("deviceMismatch")).bundles).toEqual([]);
  });

  it("that do not exist, or whose tag is wrong, are denied alike, and nobody learns of their devices", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob", "carol"]);
    const stranger = new TestDevice((people[0] as (typeof people)[0]).person);
    stranger.account = "11111111-1111-4111-8111-111111111111" as never;
    stranger.device = 1 as never;
    const everybody = [...devices, [stranger] as const];
    const messageId = new Uint8Array(randomBytes(16));
    const accessTags = tagsOf(messageId, everybody);
    accessTags[8 + 3] = (accessTags[8 + 3] as number) ^ 1;
    await relay.registered(new TestDevice((people[1] as (typeof people)[0]).person), "add");
    await relay.registered(new TestDevice((people[2] as (typeof people)[0]).person), "add");
    const frame = group.send(sender, everybody, { messageId, accessTags, wantBundles: "yes" });
    sender.say(frame);
    await settle();
    relay.clock.advance(POLICY.refusalDelayMs - 1);
    expect(await sender.rest()).toEqual([]);
    relay.clock.advance(1);
    expect(await sender.next("deviceMismatch")).toMatchObject({
      accounts: [{ account: people[2]?.account, missing: [2], extra: [], stale: [] }],
      denied: [people[1]?.account, stranger.account],
      bundles: [{ account: people[2]?.account }],
    });
    expect(relay.counts.get("envelopesAccepted")).toBeUndefined();
  });

  it("get no message with a tag that was made for another one, or with another account's", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob"]);
    const frame = group.send(sender, devices);
    const swapped = new Uint8Array([...frame.accessTags.slice(8), ...frame.accessTags.slice(0, 8)]);
    for (const accessTags of [tagsOf(new Uint8Array(16), devices), swapped]) {
      sender.say(group.send(sender, devices, { messageId: frame.messageId, accessTags }));
      await late(relay);
      expect((await sender.next("deviceMismatch")).denied).toEqual(people.map(({ account }) => account));
    }
  });

  it("whose devices changed since they were remembered are seen to have", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob"]);
    sender.say(group.send(sender, devices));
    await sender.next("accepted");
    await relay.registered(new TestDevice((people[1] as (typeof people)[0]).person), "add");
    sender.say(group.send(sender, devices));
    expect((await sender.next("deviceMismatch")).accounts).toEqual([
      { account: people[1]?.account, missing: [2], extra: [], stale: [] },
    ]);
  });

  it("of whom one has a full mailbox do not go without: that one is denied, and told", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob"], {
      policy: { mailboxQuota: { envelopes: 1, bytes: 1_000_000 } },
    });
    const [alice, bob] = people as unknown as readonly [(typeof people)[0], (typeof people)[0]];
    sender.say(sendFrame(sender, [sealedTo(bob.device)]));
    await sender.next("accepted");
    await bob.client.next("deliver");
    sender.say(group.send(sender, devices));
    await late(relay);
    expect(await sender.next("deviceMismatch")).toMatchObject({ accounts: [], denied: [bob.account], bundles: [] });
    await bob.client.next("mailboxFull");
    sender.say(group.send(sender, [[alice.device]]));
    await sender.next("accepted");
    expect(await alice.client.next("deliver")).toMatchObject({ cursor: 1 });
  });

  it("keep room for what their contacts send: a group fills three quarters of a mailbox", async () => {
    const { relay, people, group, sender, devices } = await community(["alice"], {
      policy: { mailboxQuota: { envelopes: 4, bytes: 1_000_000 } },
    });
    const [alice] = people as unknown as readonly [(typeof people)[0]];
    for (let count = 0; count < 3; count++) {
      sender.say(group.send(sender, devices));
      await sender.next("accepted");
    }
    sender.say(group.send(sender, devices));
    await late(relay);
    expect(await sender.next("deviceMismatch")).toMatchObject({ denied: [alice.account] });
    const tagged = sendFrame(sender, []);
    const accessTag = tagsOf(tagged.messageId, [[alice.device]]);
    sender.say({ ...tagged, recipients: [{ ...sealedTo(alice.device), deliveryKey: undefined, accessTag }] });
    await sender.failure(tagged.id, "mailboxFull");
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
  });

  it("of whom one was sent too much go on without it, and its contacts do not share its limiters", async () => {
    const { devices, groups, strict } = await strictly(["alice", "bob"], 5);
    const sender = await strict.anonymous();
    const [alice, bob] = devices;
    for (const group of groups.slice(0, 4)) {
      for (let count = 0; count < 4; count++) {
        sender.say(group.send(sender, [bob]));
        await sender.next("accepted");
      }
    }
    const [, , , , fifth] = groups;
    sender.say(fifth.send(sender, [alice, bob]));
    await late(strict);
    expect(await sender.next("deviceMismatch")).toMatchObject({ accounts: [], denied: [bob[0].known.account] });
    sender.say(fifth.send(sender, [alice]));
    await sender.next("accepted");
    sender.say(sendFrame(sender, [sealedTo(bob[0])]));
    await sender.next("accepted");
  });
});
