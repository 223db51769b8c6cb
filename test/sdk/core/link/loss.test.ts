import { closeCodes, type FailureCode, failures } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { DeviceLimitError, errorFromClose, errorFromFrame, verdictOn } from "../../../../sdk/core/link/loss.js";
import { device, listedDevice } from "./fixture.js";

describe("why a connection ended", () => {
  it("names every failure of the wire by its code, with the time to wait", () => {
    for (const [code, { wire }] of Object.entries(failures)) {
      if (wire === 0) continue;
      const error = errorFromFrame({ type: "failed", id: 1, failure: wire, retryAfterMs: 1_500 });
      expect(error.code).toBe(code);
      expect(error.retryAfterMs).toBe(1_500);
    }
  });

  it("carries the devices of a device limit", () => {
    const error = errorFromFrame({ type: "refused", failure: failures.deviceLimit.wire, devices: [listedDevice] });
    expect(error).toBeInstanceOf(DeviceLimitError);
    const seenMs = 19_000 * 86_400_000;
    expect(error).toMatchObject({ code: "deviceLimit", devices: [{ device, seenMs, current: "other" }] });
  });

  it("calls a failure that no row has the relay's fault", () => {
    expect(errorFromFrame({ type: "failed", id: 1, failure: 0xffff }).code).toBe("badRelay");
  });

  it("does not repeat a time to wait that nobody would wait", () => {
    const error = errorFromFrame({ type: "failed", id: 1, failure: 6, retryAfterMs: Number.MAX_SAFE_INTEGER });
    expect(error.retryAfterMs).toBe(3_600_000);
  });

  it("takes 4401 behind a proof for a refused proof, and on a live connection for a request to greet again", () => {
    expect(errorFromClose(closeCodes.unauthenticated, "proving").code).toBe("badCredentials");
    expect(errorFromClose(closeCodes.unauthenticated, "live").code).toBe("offline");
  });

  it.each([
    [closeCodes.revoked, "badCredentials"],
    [closeCodes.displaced, "displaced"],
    [closeCodes.unavailable, "busy"],
    [closeCodes.internal, "internal"],
    [closeCodes.flooding, "tooManyRequests"],
    [closeCodes.silent, "timeout"],
    [closeCodes.notReading, "offline"],
    [1006, "offline"],
    [1001, "offline"],
    [1002, "badRelay"],
    [1009, "badRelay"],
    [-7, "offline"],
  ])("reads close code %d as %s", (code, expected) => {
    expect(errorFromClose(code, "live").code).toBe(expected);
  });

  it("ends a link only for what no later connection can mend", () => {
    const ending = (Object.keys(failures) as FailureCode[]).filter((code) => verdictOn(code) === "end");
    expect(ending.sort()).toEqual(["badCredentials", "displaced", "rootRequired", "unsupportedVersion"]);
    expect(verdictOn("wrongRoot")).toBe("slow");
    expect(verdictOn("offline")).toBe("soon");
  });
});
