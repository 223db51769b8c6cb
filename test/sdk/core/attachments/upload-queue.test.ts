import { describe, expect, it } from "vitest";
import { UploadQueue } from "../../../../sdk/core/attachments/upload-queue.js";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { settled } from "../link/manual-clock.js";

describe("an upload that waits for room", () => {
  it("holds its place no longer than somebody wants it", async () => {
    const queue = new UploadQueue();
    const ended = deferred<void>();
    const others = ["a", "b", "c"].map((place) => queue.run(place, new Cancellation(), () => ended.promise));
    const signal = new Cancellation();
    const left = queue.run("d", signal, async () => expect.fail("nobody wants it"));
    await settled();
    signal.abort();
    await expect(left).rejects.toMatchObject({ code: "aborted" });

    const done: string[] = [];
    queue.alone("d", async () => void done.push("alone")).catch(() => done.push("refused"));
    await settled();
    expect(done).toEqual(["alone"]);

    // What waits behind it comes to its turn, and the room is counted as before.
    const next = queue.run("e", new Cancellation(), async () => queue.underway);
    ended.resolve();
    await Promise.all(others);
    expect(await next).toBeLessThanOrEqual(3);
    expect(queue.underway).toBe(0);
  });
});
