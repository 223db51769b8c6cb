/** What a group send may not be: too large, too often, misspelt. */

import { randomBytes } from "node:crypto";
import { type Frame, failures } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { community, late, strictly } from "./support/community.js";
import { sentMessage } from "./support/sent-message.js";
import { newKey } from "./support/test-group.js";

describe("the bounds of a group send", () => {
  it("are the community's: accounts and devices", async () => {
    const names = ["alice", "bob", "carol"];
    const few = await community(names, { policy: { groupAccounts: 2 } });
    const tooMany = few.group.send(few.sender, few.devices);
    few.sender.say(tooMany);
    await few.sender.failure(tooMany.id, "tooManyRecipients");
    few.sender.say(few.group.send(few.sender, few.devices.slice(1)));
    await few.sender.next("accepted");

    const { group, sender, devices } = await community(names, { policy: { groupRecipients: 2 } });
    const frame = group.send(sender, devices);
    sender.say(frame);
    await sender.failure(frame.id, "tooManyRecipients");
  });

  it("end where an envelope could not be delivered", async () => {
    const { group, sender, devices, people } = await community(["alice"]);
    const messageOf = (sharedBytes: number) =>
      sentMessage(
        people.map(({ account, device }) => ({
          account,
          devices: [{ device: 1, registrationId: device.registrationId }],
        })),
        new Uint8Array(randomBytes(sharedBytes)),
      );
    const frame = group.send(sender, devices, { message: messageOf(98_304 - 49 + 1) });
    sender.say(frame);
    await sender.failure(frame.id, "tooLarge");
    sender.say(group.send(sender, devices, { message: messageOf(98_304 - 49) }));
    await sender.next("accepted");
    expect((await people[0]?.client.next("deliver"))?.body).toHaveLength(98_304);
  });

  it("leave no room for a message that is not spelt as it should be, or with tags for others", async () => {
    const { group, sender, devices } = await community(["alice", "bob"]);
    const good = group.send(sender, devices);
    const wrong: readonly Partial<Frame<"sendGroup">>[] = [
      { message: new Uint8Array([0x23]) },
      { message: good.message.slice(0, 60) },
      // Any bytes but the version: behind that, chance may spell a count of accounts that is refused as too many.
      { message: new Uint8Array([0x22, ...randomBytes(499)]) },
      { message: sentMessage([]) },
      { accessTags: good.accessTags.slice(0, 8) },
      { accessTags: new Uint8Array(24) },
      { accessTags: new Uint8Array(15) },
    ];
    for (const changes of wrong) {
      const frame = group.send(sender, devices, changes);
      sender.say(frame);
      await sender.failure(frame.id, "badFrame");
    }
    sender.say(group.send(sender, devices));
    await sender.next("accepted");
  });

  it("are drawn by address: bytes, before anything is hashed", async () => {
    const { devices, groups, strict } = await strictly(["alice"], 1);
    const sender = await strict.anonymous();
    const [group] = groups;
    const rows = devices.map(([{ known, registrationId }]) => ({
      account: known.account,
      devices: [{ device: known.device, registrationId }],
    }));
    const message = sentMessage(rows, new Uint8Array(randomBytes(98_304 - 49)));
    for (let count = 0; count < 2; count++) {
      sender.say(group.send(sender, devices, { message }));
      await sender.next("accepted");
    }
    const frame = group.send(sender, devices, { message }, newKey());
    sender.say(frame);
    await sender.failure(frame.id, "tooManyRequests");
    expect(strict.counts.get("limited groupSendBytesPerAddress")).toBe(1);
  });

  it("hold against any bytes: a signed send is stored, or refused for a reason, and is never our bug", async () => {
    const { relay, group, sender, devices } = await community(["alice", "bob"]);
    const good = group.send(sender, devices);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.message.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: good.message.length }),
        fc.boolean(),
        async (changes, length, isCut) => {
          const message = good.message.slice(0, isCut ? length : good.message.length);
          for (const [at, byte] of changes) if (at < message.length) message[at] = byte;
          const { messageId, accessTags } = group.send(sender, devices);
          sender.say(group.send(sender, devices, { message, messageId, accessTags }));
          await late(relay);
          const [type] = await sender.rest();
          if (type !== "accepted" && type !== "deviceMismatch") {
            const { failure } = await sender.next("failed");
            expect([failures.badFrame.wire, failures.tooManyRecipients.wire]).toContain(failure);
          } else await sender.next(type);
        },
      ),
      { numRuns: 300 },
    );
    expect(relay.bugs).toEqual([]);
  });

  it("are drawn by group: one that is flooded is muted, and others are not", async () => {
    const { devices, groups, strict } = await strictly(["alice"], 2);
    const sender = await strict.anonymous();
    const [flooded, other] = groups;
    for (let count = 0; count < 4; count++) {
      sender.say(flooded.send(sender, devices));
      await sender.next("accepted");
    }
    const frame = flooded.send(sender, devices);
    sender.say(frame);
    await sender.failure(frame.id, "tooManyRequests");
    sender.say(flooded.append(sender, { expectedSeq: 1 }));
    await sender.next("groupAppended");
    sender.say(other.send(sender, devices));
    await sender.next("accepted");
  });
});
