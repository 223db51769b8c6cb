import { decodeLinkUri, encodeLinkUri } from "@sotto/protocol";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../../sdk/core/ports.js";
import { libsignalEngine } from "../../../../sdk/engine/libsignal.js";
import { codeOf } from "../link/fixture.js";
import { LinkWorld } from "./fixture.js";

let engine: Engine;
let world: LinkWorld;
beforeAll(async () => {
  engine = await libsignalEngine();
});
beforeEach(() => {
  world = new LinkWorld(engine);
});

describe("somebody in the middle who has everything but the URI", () => {
  it("cannot join with a body of its own", async () => {
    for (const forged of [new Uint8Array(700).fill(1), Uint8Array.of(1)]) {
      world = new LinkWorld(engine);
      const link = await world.open();
      world.rendezvous.bodies.set("join", forged);
      await world.turn();
      expect(await codeOf(link.joined)).toBe("linkInvalid");
      expect([...world.rendezvous.bodies.keys()]).toEqual(["join"]);
    }
  });

  it("cannot put its own key in the place of the new device's", async () => {
    const link = await world.open();
    const { provisioned } = world.join(link.uri);
    const genuine = world.rendezvous.bodies.get("join") ?? new Uint8Array(0);
    const { publicKey } = engine.generateIdentity();
    const at = genuine.length - 528 - 3 - 33;
    world.rendezvous.bodies.set(
      "join",
      Uint8Array.of(...genuine.subarray(0, at), ...publicKey, ...genuine.subarray(at + 33)),
    );
    await world.turn();
    expect(await codeOf(link.joined)).toBe("linkInvalid");
    expect(await codeOf(provisioned)).toBe("linkExpired");
    expect(world.rendezvous.bodies.has("provision")).toBe(false);
  });

  it("cannot answer the challenge's place, or replay a step of another link there", async () => {
    const other = new LinkWorld(engine);
    const otherLink = await other.open();
    const { shown } = other.join(otherLink.uri);
    await other.turn();
    await shown;
    const link = await world.open();
    const { provisioned } = world.join(link.uri);
    world.rendezvous.bodies.set("challenge", other.rendezvous.bodies.get("challenge") ?? new Uint8Array(1));
    await world.turn();
    expect(await codeOf(provisioned)).toBe("linkInvalid");
    await otherLink.cancel();
    await link.cancel();
  });

  it("cannot say yes for the new device", async () => {
    const link = await world.open();
    const { shown } = world.join(link.uri, { confirm: () => new Promise(() => undefined) });
    await world.turn();
    const code = await shown;
    world.rendezvous.bodies.set("approve", world.rendezvous.bodies.get("challenge") ?? new Uint8Array(1));
    await world.turn();
    expect(await codeOf(link.confirm(code))).toBe("linkInvalid");
    expect(world.rendezvous.bodies.has("provision")).toBe(false);
  });

  it("cannot provide an account of its own to the new device", async () => {
    const { link, code, provisioned } = await world.joined();
    world.rendezvous.bodies.set("provision", new Uint8Array(1_040).fill(7));
    await world.turn();
    expect(await codeOf(provisioned)).toBe("linkInvalid");
    await link.cancel();
    expect(code).toMatch(/^\d{6}$/);
  });
});

it("somebody who saw the URI as well and joins with the old device's place taken shows another code, or none", async () => {
  // The middle answers the new device itself: it has the secret, but not the ephemeral key the new device agrees with.
  const link = await world.open();
  const offer = decodeLinkUri(link.uri);
  const middle = new LinkWorld(engine);
  const fake = await middle.open();
  const forged = encodeLinkUri({ ...decodeLinkUri(fake.uri), link: offer.link, secret: offer.secret, key: offer.key });
  const victim = middle.join(forged);
  await middle.turn();
  expect(await codeOf(victim.provisioned)).toBe("linkExpired");
  // And joining in its own name: the two codes have nothing to do with each other.
  const thief = world.join(link.uri);
  await world.turn();
  expect(await thief.shown).toBe((await link.joined).code);
  const genuine = world.join(link.uri);
  expect(await codeOf(genuine.provisioned)).toBe("linkUsed");
  await Promise.all([link.cancel(), fake.cancel()]);
});
