import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_UPLOADS } from "../../../../sdk/core/attachments/upload-queue.js";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { sealBlob } from "../../../support/attachments/independent.js";
import { bytesOf, sourceOf, Uploader } from "./upload-fixture.js";

const bytes = bytesOf(3_000_000);
let uploader: Uploader;
beforeEach(async () => {
  uploader = new Uploader(async (path) => sourceOf(bytes, { identity: path }));
  await uploader.live();
});
afterEach(() => uploader.close());

/** Holds the nth part back; answers when it came, and what lets it go. */
function holdPart(nth: number) {
  const came = deferred<void>();
  const go = deferred<void>();
  uploader.relay.fate = async ({ method }, number) => {
    if (method === "PATCH" && number === nth) {
      came.resolve();
      await go.promise;
    }
    return { kind: "served" };
  };
  return { came: came.promise, go: () => go.resolve() };
}

describe("an upload that was aborted", () => {
  it("rejects at once, is pending, and goes on under the same key", async () => {
    const signal = new Cancellation();
    const held = holdPart(2);
    const first = uploader.attachments.upload("a", { signal, name: "plan.pdf" });
    await held.came;
    signal.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    held.go();
    const [pending] = await uploader.attachments.pending();
    expect(pending).toMatchObject({ name: "plan.pdf", totalBytes: bytes.length });
    const attachment = await uploader.attachments.upload("a");
    expect(uploader.watched.keys.size).toBe(1);
    expect(uploader.relay.blob(attachment.id)?.equals(sealBlob(attachment.key, bytes))).toBe(true);
  });

  it("before it began asks nobody", async () => {
    const signal = new Cancellation();
    signal.abort();
    await expect(uploader.attachments.upload("a", { signal })).rejects.toMatchObject({ code: "aborted" });
    expect(uploader.relay.granted).toEqual([]);
  });

  it("by the end of its client rejects `closed` and goes on in the next life", async () => {
    const held = holdPart(2);
    const first = uploader.attachments.upload("a");
    const rejected = expect(first).rejects.toMatchObject({ code: "closed" });
    await held.came;
    const closing = uploader.close();
    held.go();
    await Promise.all([closing, rejected]);
    await uploader.live();
    await uploader.attachments.upload("a");
    expect(uploader.watched.keys.size).toBe(1);
  });
});

describe("a discarded upload", () => {
  it("is deleted here and at the relay", async () => {
    await uploader.close();
    await uploader.liveUntil({ at: "request", number: 3, keep: 5 }, (life) => life.upload("a"));
    const life = await uploader.live();
    const [pending] = await life.pending();
    await life.discard(pending?.id ?? "");
    expect(await life.pending()).toEqual([]);
    expect(uploader.relay.uploads.size).toBe(0);
    await life.discard(pending?.id ?? "");
  });

  it("that is under way rejects", async () => {
    const held = holdPart(2);
    const first = uploader.attachments.upload("a");
    const rejected = expect(first).rejects.toMatchObject({ code: "aborted" });
    await held.came;
    const [pending] = await uploader.attachments.pending();
    const discarded = uploader.attachments.discard(pending?.id ?? "");
    held.go();
    await Promise.all([rejected, discarded]);
    expect(uploader.relay.uploads.size).toBe(0);
    expect(await uploader.attachments.pending()).toEqual([]);
  });

  it("stays if the relay cannot be told", async () => {
    await uploader.close();
    await uploader.liveUntil({ at: "request", number: 3, keep: 5 }, (life) => life.upload("a"));
    const life = await uploader.live();
    uploader.relay.fate = () => ({ kind: "unreachable" });
    const [pending] = await life.pending();
    await expect(life.discard(pending?.id ?? "")).rejects.toMatchObject({ code: "offline" });
    expect((await life.pending()).length).toBe(1);
    await expect(life.discard("../../etc")).rejects.toMatchObject({ code: "invalidArgument" });
  });
});

describe("a finished upload", () => {
  it("is deleted at the relay by the device that made it, in a later life too", async () => {
    const attachment = await uploader.attachments.upload("a");
    await uploader.close();
    await uploader.live();
    await uploader.attachments.delete(attachment);
    expect(uploader.relay.uploads.size).toBe(0);
    await expect(uploader.attachments.delete(attachment)).rejects.toMatchObject({ code: "invalidArgument" });
  });

  it("is deleted with its thumbnail, in a second call if the first one did not get through", async () => {
    for (const reached of [1, 2]) {
      const device = new Uploader(async () => sourceOf(bytesOf(10_000)));
      const life = await device.live();
      const { id, key, digest, sizeBytes } = await life.upload("small");
      const thumbnail = { id, key, digest, sizeBytes, mime: "image/webp", width: 1, height: 1 };
      const attachment = { ...(await life.upload("large")), thumbnail };
      let deletions = 0;
      device.relay.fate = ({ method }) => {
        deletions += method === "DELETE" ? 1 : 0;
        return method === "DELETE" && deletions === reached ? { kind: "unreachable" } : { kind: "served" };
      };
      await expect(life.delete(attachment)).rejects.toMatchObject({ code: "offline" });
      await life.delete(attachment);
      expect(device.relay.uploads.size).toBe(0);
      await device.close();
    }
  });
});

describe("uploads at once", () => {
  it("of one source come one after the other, each under a key of its own", async () => {
    const finishedAtCreation: number[] = [];
    uploader.relay.fate = ({ method }) => {
      const finished = [...uploader.relay.uploads.values()].filter(({ bytes: kept, length }) => kept.length === length);
      if (method === "POST") finishedAtCreation.push(finished.length);
      return { kind: "served" };
    };
    const all = await Promise.all(Array.from({ length: 3 }, () => uploader.attachments.upload("a")));
    expect(finishedAtCreation).toEqual([0, 1, 2]);
    expect(uploader.watched.keys.size).toBe(3);
    expect(uploader.watched.reused).toEqual([]);
    for (const { id, key } of all) expect(uploader.relay.blob(id)?.equals(sealBlob(key, bytes))).toBe(true);
  });

  it("of several sources are three, and the others wait their turn", async () => {
    let underWay = 0;
    let most = 0;
    const three = deferred<void>();
    uploader.relay.fate = async ({ method }) => {
      if (method !== "PATCH") return { kind: "served" };
      underWay += 1;
      most = Math.max(most, underWay);
      if (underWay === 3) three.resolve();
      await three.promise;
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      underWay -= 1;
      return { kind: "served" };
    };
    await Promise.all(Array.from({ length: 10 }, (_, index) => uploader.attachments.upload(bytesOf(100, index + 1))));
    expect(most).toBe(3);
  });

  it("that wait are left by their signal, and make room", async () => {
    const held = holdPart(1);
    const running = ["a", "b", "c"].map((path) => uploader.attachments.upload(path));
    const signal = new Cancellation();
    const waiting = uploader.attachments.upload("d", { signal });
    await held.came;
    signal.abort();
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    held.go();
    await Promise.all(running);
    await uploader.attachments.upload("e");
  });

  it("are no more than the queue takes", async () => {
    const held = holdPart(1);
    const signal = new Cancellation();
    const source = bytesOf(1);
    const all = Array.from({ length: MAX_UPLOADS }, () => uploader.attachments.upload(source, { signal }));
    const settled = Promise.allSettled(all);
    await held.came;
    await expect(uploader.attachments.upload(source)).rejects.toMatchObject({ code: "tooManyRequests" });
    signal.abort();
    held.go();
    await settled;
  });
});

describe("at the start of a client", () => {
  it("what the relay has let go of is forgotten", async () => {
    await uploader.close();
    await uploader.liveUntil({ at: "request", number: 3, keep: 5 }, (life) => life.upload("a"));
    uploader.clock.pass(31 * 86_400_000);
    const life = await uploader.live();
    expect(await life.pending()).toEqual([]);
  });
});
