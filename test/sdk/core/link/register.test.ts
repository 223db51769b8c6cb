import { failures } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Registration } from "../../../../sdk/core/link/greeting.js";
import { DeviceLimitError } from "../../../../sdk/core/link/loss.js";
import { type RegistrationParts, registerDevice } from "../../../../sdk/core/link/register.js";
import { challenge, codeOf, device, listedDevice, welcome } from "./fixture.js";
import { manualClock, settled } from "./manual-clock.js";
import { scriptedDial } from "./scripted-dial.js";

const registration: Registration = {
  version: 1,
  mode: "first",
  userId: "alice",
  identityKey: new Uint8Array(33),
  authenticationKey: new Uint8Array(32),
  registrationId: 1,
  deliveryKeyHash: new Uint8Array(32),
  signedPrekey: { id: 1, key: new Uint8Array(33), signature: new Uint8Array(64) },
  lastResortPrekey: { id: 1, key: new Uint8Array(1569), signature: new Uint8Array(64) },
  identitySignature: new Uint8Array(64),
  authenticationSignature: new Uint8Array(64),
};

function started(over: Partial<RegistrationParts> = {}, build = () => Promise.resolve(registration)) {
  const clock = manualClock();
  const scripted = scriptedDial();
  const parts = { url: "http://localhost:8787", dial: scripted.dial, clock, checkRoot: () => undefined, ...over };
  const answer = registerDevice(parts, build);
  answer.catch(() => undefined);
  return { answer, clock, scripted };
}

describe("a registration", () => {
  it("sends what was built, resolves with the welcome, and closes behind it", async () => {
    const { answer, clock, scripted } = started();
    scripted.last.open();
    scripted.last.say(challenge);
    await settled();
    expect(scripted.last.sent).toMatchObject([{ type: "register", userId: "alice", mode: "first" }]);
    scripted.last.say(welcome);
    expect((await answer).device).toBe(device);
    expect(scripted.last.closedWith).toBe(1000);
    expect(clock.planned).toBe(0);
  });

  it("names the devices of a full account", async () => {
    const { answer, scripted } = started();
    scripted.last.open();
    scripted.last.say(challenge, { type: "refused", failure: failures.deviceLimit.wire, devices: [listedDevice] });
    const error = await answer.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DeviceLimitError);
    expect(error).toMatchObject({ code: "deviceLimit", devices: [{ device, name: undefined }] });
  });

  it("tries once: a lost connection is the caller's to judge", async () => {
    const { answer, clock, scripted } = started();
    scripted.last.drop(1006);
    expect(await codeOf(answer)).toBe("offline");
    await clock.advance(600_000);
    expect(scripted.sockets).toHaveLength(1);
  });

  it("rejects timeout when the relay never speaks", async () => {
    const { answer, clock, scripted } = started();
    scripted.last.open();
    await clock.advance(20_000);
    expect(await codeOf(answer)).toBe("timeout");
  });

  it("passes on why the registration could not be built", async () => {
    const { answer, scripted } = started({}, () => Promise.reject(new Error("no token")));
    scripted.last.open();
    scripted.last.say(challenge);
    await settled();
    expect(await codeOf(answer)).toBe("invalidArgument");
    expect(scripted.last.sent).toEqual([]);
  });

  it("can be given up, before and while it runs", async () => {
    const abort = new AbortController();
    const { answer, scripted } = started({ signal: abort.signal });
    abort.abort();
    expect(await codeOf(answer)).toBe("aborted");
    expect(scripted.last.closedWith).toBe(1000);
    const second = started({ signal: abort.signal });
    expect(await codeOf(second.answer)).toBe("aborted");
    expect(second.scripted.sockets).toHaveLength(0);
  });

  it("refuses an address that is none", async () => {
    expect(await codeOf(started({ url: "dm.example.com" }).answer)).toBe("invalidArgument");
  });
});
