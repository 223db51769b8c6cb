import { describe, expect, it } from "vitest";
import { deferred } from "../../../sdk/core/deferred.js";
import { settled } from "./link/manual-clock.js";

describe("deferred", () => {
  it("settles once", async () => {
    const one = deferred<number>();
    one.resolve(1);
    one.resolve(2);
    one.reject(new Error("too late"));
    expect(await one.promise).toBe(1);
  });

  it("rejects whoever awaits, and is no unhandled rejection where nobody does", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    const one = deferred<number>();
    one.reject(new Error("nobody listens"));
    await settled();
    await settled();
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
    await expect(one.promise).rejects.toThrow("nobody listens");
  });
});
