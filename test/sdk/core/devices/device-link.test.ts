import { limits, SottoError } from "@sotto/protocol";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Cancellation } from "../../../../sdk/core/cancellation.js";
import type { Engine } from "../../../../sdk/core/ports.js";
import { libsignalEngine } from "../../../../sdk/engine/libsignal.js";
import { codeOf } from "../link/fixture.js";
import { LinkWorld, newDevice, otherCode, provision } from "./fixture.js";

let engine: Engine;
let world: LinkWorld;
beforeAll(async () => {
  engine = await libsignalEngine();
});
beforeEach(() => {
  world = new LinkWorld(engine);
});

describe("a link", () => {
  it("shows one code on both sides and hands the account over once both confirmed it", async () => {
    const { link, code, provisioned } = await world.joined();
    expect(await link.joined).toEqual({ code, deviceName: "phone" });
    expect([link.state, world.rendezvous.bodies.has("provision")]).toEqual(["joined", false]);
    const linked = link.confirm(`${code.slice(0, 3)} ${code.slice(3)}`);
    await world.turn();
    expect(await linked).toBe(newDevice);
    expect(await provisioned).toEqual(provision);
    expect([link.state, world.watched]).toEqual(["linked", [77]]);
    expect(await link.confirm(code)).toBe(newDevice);
  });

  it("is closed at the relay and plans nothing any more once it is done", async () => {
    const { link, code } = await world.joined();
    const linked = link.confirm(code);
    await world.turn();
    await linked;
    expect(world.rendezvous.isOpen).toBe(false);
    expect(world.clock.planned).toBe(0);
    await link.cancel();
    expect(link.state).toBe("linked");
  });

  it("may be confirmed on the old side first; it waits for the new side's user", async () => {
    const link = await world.open();
    let agree: (answer: boolean) => void = () => undefined;
    const answer = new Promise<boolean>((resolve) => {
      agree = resolve;
    });
    const joiner = world.join(link.uri, { confirm: () => answer });
    await world.turn();
    const linked = link.confirm(await joiner.shown);
    await world.turn();
    expect(world.rendezvous.bodies.has("provision")).toBe(false);
    agree(true);
    await world.turn();
    await linked;
    expect(await joiner.provisioned).toEqual(provision);
  });

  it("ends on both sides at the first wrong code, and hands nothing over", async () => {
    const { link, code, provisioned } = await world.joined();
    expect(await codeOf(link.confirm(otherCode(code)))).toBe("wrongCode");
    expect(await codeOf(link.confirm(code))).toBe("wrongCode");
    await world.turn();
    expect(await codeOf(provisioned)).toBe("linkExpired");
    expect([link.state, world.rendezvous.bodies.has("provision"), world.watched]).toEqual(["ended", false, []]);
    expect(world.clock.planned).toBe(0);
  });

  it("of two tries at once takes the first for its one try", async () => {
    const { link, code } = await world.joined();
    const tries = [link.confirm(otherCode(code)), link.confirm(code)];
    expect(await Promise.all(tries.map(codeOf))).toEqual(["wrongCode", "wrongCode"]);
    await world.turn();
    expect(world.rendezvous.bodies.has("provision")).toBe(false);
  });

  it("lives on when what was typed is no code, or came too early", async () => {
    const waiting = await world.open();
    expect(await codeOf(waiting.confirm("123456"))).toBe("invalidArgument");
    await waiting.cancel();
    const { link, code } = await world.joined();
    for (const typo of ["", "12345", "1234567", "12345a", undefined as unknown as string]) {
      expect(await codeOf(link.confirm(typo))).toBe("invalidArgument");
    }
    const linked = link.confirm(code);
    await world.turn();
    expect(await linked).toBe(newDevice);
  });

  it("ends when the new side's user says no, or the app there cannot ask", async () => {
    for (const confirm of [() => false, () => Promise.reject(new Error("no window"))]) {
      world = new LinkWorld(engine);
      const link = await world.open();
      const { provisioned } = world.join(link.uri, { confirm });
      await world.turn();
      await expect(provisioned).rejects.toThrow(/linkDeclined|no window/);
      const code = (await link.joined).code;
      expect(await codeOf(link.confirm(code))).toBe("linkDeclined");
      expect(world.rendezvous.bodies.has("provision")).toBe(false);
    }
  });

  it("can be cancelled at any time before it is confirmed", async () => {
    const link = await world.open();
    await Promise.all([link.cancel(), link.cancel()]);
    expect(await codeOf(link.joined)).toBe("aborted");
    expect([link.state, world.rendezvous.isOpen, world.clock.planned]).toEqual(["ended", false, 0]);
    const late = world.join(link.uri);
    expect(await codeOf(late.provisioned)).toBe("linkExpired");
  });

  it("is over after ten minutes, whether somebody joined or not", async () => {
    const link = await world.open();
    await world.clock.advance(limits.linkTtlMs.value);
    expect(await codeOf(link.joined)).toBe("linkExpired");
    expect(await codeOf(link.confirm("123456"))).toBe("linkExpired");
    const late = await world.joined();
    await world.clock.advance(limits.linkTtlMs.value);
    expect(await codeOf(late.link.confirm(late.code))).toBe("linkExpired");
    expect(await codeOf(late.provisioned)).toBe("linkExpired");
    expect(world.clock.planned).toBe(0);
  });

  it("says so when the account was handed over and no device came of it", async () => {
    world.arrival = () => new Promise(() => undefined);
    const { link, code, provisioned } = await world.joined();
    const linked = link.confirm(code);
    linked.catch(() => undefined);
    await world.turn();
    expect([link.state, await provisioned]).toEqual(["confirmed", provision]);
    await world.clock.advance(limits.linkTtlMs.value);
    expect(await codeOf(linked)).toBe("timeout");
  });

  it("refuses a second new device, and goes on with the first", async () => {
    const { link, code, provisioned } = await world.joined();
    const second = world.join(link.uri);
    expect(await codeOf(second.provisioned)).toBe("linkUsed");
    const linked = link.confirm(code);
    await world.turn();
    await linked;
    expect(await provisioned).toEqual(provision);
  });

  it("survives losses of the connection and a relay that asks for patience", async () => {
    const link = await world.open();
    const { failing } = world.rendezvous;
    failing.push(new SottoError("offline"), new SottoError("timeout"));
    const { shown, provisioned } = world.join(link.uri);
    await world.turn();
    failing.push(new SottoError("tooManyRequests", { retryAfterMs: 900 }), new SottoError("busy"));
    await world.turn();
    failing.push(new SottoError("offline"), new SottoError("internal"));
    const linked = link.confirm(await shown);
    await world.turn();
    await world.turn();
    await linked;
    expect(await provisioned).toEqual(provision);
  });

  it("gives up when the relay cannot be reached to begin with", async () => {
    world.rendezvous.failing.push(new SottoError("offline"));
    expect(await codeOf(world.open())).toBe("offline");
    const link = await world.open();
    world.rendezvous.failing.push(...Array.from({ length: 6 }, () => new SottoError("offline")));
    const { provisioned } = world.join(link.uri);
    await world.turn();
    expect(await codeOf(provisioned)).toBe("offline");
  });

  it("stops at the new side when its signal aborts", async () => {
    const link = await world.open();
    const signal = new Cancellation();
    const { provisioned, shown } = world.join(link.uri, { confirm: () => new Promise(() => undefined) }, signal);
    await world.turn();
    await shown;
    signal.abort();
    expect(await codeOf(provisioned)).toBe("aborted");
  });
});
