/** Leave to upload: who gets it, for how much, and what it costs. */

import { decodeFrame, failureFromWire, sealedAttachmentSize } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../../server/store/index.js";
import type { Client } from "../support/client.js";
import { begin, granted, roomFor } from "../support/http-caller.js";
import { ManualClock } from "../support/manual-clock.js";
import { TestRelay } from "../support/test-relay.js";
import { until } from "../support/turns.js";

const DAY = 86_400_000;
const MIB = 1_048_576;

async function alice(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  return { relay, ...(await relay.person("alice")) };
}

describe("a grant", () => {
  it("is for an hour, and good for one upload of as many bytes or fewer", async () => {
    const { relay, client } = await alice();
    client.say({ type: "requestUpload", id: 7, bytes: 5_000 });
    const grant = await client.next("uploadGranted");
    expect(grant).toMatchObject({ id: 7, expiresMs: relay.clock.now() + 3_600_000 });
    expect(grant.token).toHaveLength(16);
    const token = Buffer.from(grant.token).toString("hex");
    expect((await begin(relay, token, 5_001)).status).toBe(413);
    expect((await begin(relay, token, 4_999)).status).toBe(201);
    expect((await begin(relay, token, 4_999)).status).toBe(401);
  });

  it("ends after an hour", async () => {
    const { relay, client } = await alice();
    const [early, late] = [await granted(client, 5_000), await granted(client, 5_000)];
    relay.clock.advance(3_600_000 - 1);
    expect((await begin(relay, early, 5_000)).status).toBe(201);
    relay.clock.advance(1);
    expect((await begin(relay, late, 5_000)).status).toBe(401);
  });

  it("is for devices, not for anonymous connections", async () => {
    const { relay } = await alice();
    const stranger = await relay.anonymous();
    stranger.say({ type: "requestUpload", id: 1, bytes: 5_000 });
    await stranger.failure(1, "notAuthenticated");
  });

  it("is never for more than the sealed form of the largest attachment", async () => {
    const { client } = await alice({ policy: { attachmentBytes: MIB } });
    const largest = sealedAttachmentSize(MIB);
    await granted(client, largest);
    client.say({ type: "requestUpload", id: 2, bytes: largest + 1 });
    await client.failure(2, "tooLarge");
  });

  it("is too large, and not a matter of time, where the whole quota is smaller", async () => {
    const { client } = await alice({ policy: { attachmentQuotaBytes: MIB } });
    client.say({ type: "requestUpload", id: 2, bytes: MIB + 1 });
    await client.failure(2, "tooLarge");
  });

  it("waits, and costs nothing, while the folder has no room for it", async () => {
    const { relay, client } = await alice({ blobs: await roomFor(MIB), policy: { attachmentQuotaBytes: MIB } });
    const first = await granted(client, 600_000);
    await begin(relay, first, 600_000);
    client.say({ type: "requestUpload", id: 90, bytes: MIB - 600_000 + 1 });
    await client.failure(90, "busy");
    await granted(client, MIB - 600_000);
  });
});

describe("the quota of an account", () => {
  const policy = { attachmentQuotaBytes: 10 * MIB };

  it("is used to its end and never exceeded, by 64 requests at once", async () => {
    const { client } = await alice({ policy });
    for (let id = 1_000; id < 1_064; id++) client.say({ type: "requestUpload", id, bytes: MIB });
    const answers = await answersTo(64, client);
    expect(answers.filter((answer) => answer === "granted")).toHaveLength(10);
    expect(answers.filter((answer) => answer === "uploadQuota")).toHaveLength(54);
  });

  it("is exact over two relays on one store", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const { client, device } = await alice({ policy, clock, store });
    const other = await TestRelay.start({ policy, clock, store });
    const elsewhere = await other.connected(device);
    for (let id = 1_000; id < 1_032; id++) {
      client.say({ type: "requestUpload", id, bytes: MIB });
      elsewhere.say({ type: "requestUpload", id, bytes: MIB });
    }
    const answers = await answersTo(64, client, elsewhere);
    expect(answers.filter((answer) => answer === "granted")).toHaveLength(10);
    expect(answers.filter((answer) => answer === "uploadQuota")).toHaveLength(54);
  });

  it("counts what was granted, used or not, until nothing of it can be left, and says when that is", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const { client, device } = await alice({ policy, clock, store });
    await granted(client, 10 * MIB);
    client.say({ type: "requestUpload", id: 50, bytes: 1 });
    const { retryAfterMs = 0 } = await client.failure(50, "uploadQuota");
    expect(retryAfterMs).toBeGreaterThan(30 * DAY);
    expect(retryAfterMs).toBeLessThanOrEqual(31 * DAY + 3_600_000);

    clock.advance(retryAfterMs - 1);
    const later = await (await TestRelay.start({ policy, clock, store })).connected(device);
    await later.next("queueEmpty");
    later.say({ type: "requestUpload", id: 51, bytes: 1 });
    await later.failure(51, "uploadQuota");
    clock.advance(1);
    await granted(later, 10 * MIB);
  });

  it("counts what any file costs a disk, however few bytes are asked for", async () => {
    const { client } = await alice({ policy: { attachmentQuotaBytes: MIB } });
    for (let id = 1_000; id < 1_064; id++) client.say({ type: "requestUpload", id, bytes: 1 });
    const answers = await answersTo(64, client);
    expect(answers.filter((answer) => answer === "granted")).toHaveLength(32);
    expect(answers.filter((answer) => answer === "uploadQuota")).toHaveLength(32);
  });

  it("is each account's own", async () => {
    const { relay, client } = await alice({ policy });
    await granted(client, 10 * MIB);
    const { client: bob } = await relay.person("bob");
    await granted(bob, 10 * MIB);
  });

  it("has a limiter before it", async () => {
    const { client } = await alice({ policy: { limiterScale: 1 / 200 } });
    await granted(client, 5_000);
    client.say({ type: "requestUpload", id: 60, bytes: 5_000 });
    await client.failure(60, "tooManyRequests");
  });
});

/** What became of so many requests, over all of these connections. */
async function answersTo(count: number, ...clients: readonly Client[]): Promise<readonly string[]> {
  const answers = () =>
    clients.flatMap(({ messages }) =>
      messages.flatMap((message) => {
        const frame = decodeFrame(message, "toClient");
        if (frame.type === "uploadGranted") return ["granted"];
        return frame.type === "failed" ? [`${failureFromWire(frame.failure)}`] : [];
      }),
    );
  await until(
    () => answers().length >= count,
    () => "all answers",
  );
  return answers();
}
