import {
  challengedTranscript,
  decodeFrame,
  decodeJoin,
  decodeLinkUri,
  encodeFrame,
  encodeLinkUri,
  type Frame,
  type FrameToRelay,
  linkStepKey,
  linkTranscript,
} from "@sotto/protocol";
import { type Client, linkDevice } from "@sotto/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RelayLink } from "../../sdk/core/link/relay-link.js";
import { nodePlatform } from "../../sdk/node/platform.js";
import { otherCode } from "../sdk/core/devices/fixture.js";
import { codeOf } from "../sdk/core/link/fixture.js";
import { passOn, type Rewrite, type RunningProxy, startProxy } from "../support/hostile-relay/index.js";
import { Linker, type Linking } from "../support/linking.js";
import { World } from "../support/world.js";

/** How many times faster time passes where nobody is there to answer. */
const HURRY = 20;

let world: World;
let linker: Linker;
let proxy: RunningProxy;
let open: { close(): unknown }[];
/** Everything that went to the relay, from both devices. */
let heard: FrameToRelay[];

const record: Rewrite = ({ bytes, direction }) => {
  if (direction === "toRelay") heard.push(decodeFrame(bytes.slice(), "toRelay"));
  return [bytes];
};

beforeEach(async () => {
  heard = [];
  world = await World.open();
  linker = new Linker(world);
  proxy = await startProxy({ upstream: world.url, rewrite: record });
  open = [];
});
afterEach(async () => {
  for (const each of open) await each.close();
  await linker.close();
  await proxy.close();
  await world.close();
});

const steps = () => heard.filter((frame): frame is Frame<"putLink"> => frame.type === "putLink");
const stepNames = () => steps().map(({ step }) => step);

/** The old device, whose every word the relay's reader sees. */
const oldDevice = (): Promise<Client> => world.client("alice", { relay: proxy.url });

/** The new device. */
const newDevice = (uri: string, name = "phone"): Linking => linker.begin(uri, name);

/** An anonymous connection of the reader's own. */
function reader(): RelayLink {
  const link = new RelayLink({
    ...{ ...nodePlatform, url: world.url, greeting: { kind: "anonymous" } as const },
    ...{ checkRoot: () => undefined, onReady: () => undefined, onPush: () => undefined, onState: () => undefined },
  });
  open.push(link);
  link.start();
  return link;
}

const linkId = () => {
  const opening = heard.find((frame): frame is Frame<"openLink"> => frame.type === "openLink");
  if (opening === undefined) throw new Error("no link was opened");
  return opening.link;
};

describe("somebody who reads all of the relay's traffic but not the URI", () => {
  it("sees four sealed steps and opens none of them", async () => {
    const old = await oldDevice();
    const link = await old.devices.createLink();
    const { shown, client } = newDevice(link.uri);
    await link.confirm(await shown);
    await client;
    expect(stepNames()).toEqual(["join", "challenge", "approve", "provision"]);

    // What the reader lacks is the secret and the two private keys; the rest it has, and guesses.
    const offer = decodeLinkUri(link.uri);
    const engine = await nodePlatform.engine();
    const [joining, challenging] = steps();
    const { key, sealed } = decodeJoin(joining?.body ?? new Uint8Array(0));
    const transcript = linkTranscript(offer, key);
    const said = { join: joining?.body ?? key, challenge: challenging?.body ?? key };
    const mine = engine.generateIdentity();
    const guesses = [new Uint8Array(32), engine.agree(mine.privateKey, key), engine.agree(mine.privateKey, offer.key)];
    for (const shared of guesses) {
      // Even the URI's secret alone, without a private key, opens nothing.
      for (const secret of [new Uint8Array(32), offer.secret]) {
        for (const known of [transcript, challengedTranscript(transcript, said)]) {
          for (const { step, body } of steps()) {
            const stepKey = linkStepKey({ shared, secret, transcript: known }, step);
            const bytes = step === "join" ? sealed : body;
            expect(nodePlatform.cipher.open(stepKey, new Uint8Array(12), bytes, new Uint8Array(0))).toBeUndefined();
          }
        }
      }
    }
  });

  it("cannot join before the new device: the link ends, and nothing was put behind the forged step", async () => {
    const old = await oldDevice();
    const link = await old.devices.createLink();
    await reader().request({ type: "putLink", link: linkId(), step: "join", body: new Uint8Array(600).fill(1) });
    expect(await codeOf(link.joined)).toBe("linkInvalid");
    expect(await codeOf(newDevice(link.uri).client)).toMatch(/^link(Used|Expired)$/);
    expect(stepNames()).toEqual(expect.not.arrayContaining(["challenge", "provision"]));
    expect((await old.devices.list()).length).toBe(1);
  });

  it("cannot replay the join of one link in another", async () => {
    const old = await oldDevice();
    const first = await old.devices.createLink();
    const { shown } = newDevice(first.uri);
    await shown;
    const joined = steps()[0]?.body ?? new Uint8Array(0);
    await first.cancel();
    heard = [];
    const second = await old.devices.createLink();
    await reader().request({ type: "putLink", link: linkId(), step: "join", body: joined });
    expect(await codeOf(second.joined)).toBe("linkInvalid");
    expect((await old.devices.list()).length).toBe(1);
  });

  it("cannot approve, or take over, what the new device has begun", async () => {
    const old = await oldDevice();
    const link = await old.devices.createLink();
    const { shown, client } = newDevice(link.uri);
    await link.joined;
    const code = await shown;
    const stranger = reader();
    const body = new Uint8Array(528).fill(3);
    const forged = { type: "putLink", link: linkId(), body } as const;
    expect(await codeOf(stranger.request({ ...forged, step: "join" }))).toBe("linkUsed");
    expect(await codeOf(stranger.request({ ...forged, step: "provision" }))).not.toBe("");
    await link.confirm(code);
    expect((await client).accountId).toBe(old.accountId);
  });
});

describe("a relay that lies", () => {
  it("cannot put its own key into the join", async () => {
    const engine = await nodePlatform.engine();
    const { publicKey } = engine.generateIdentity();
    proxy.become((passing) => {
      void record(passing);
      if (passing.direction === "toClient") return [passing.bytes];
      const frame = decodeFrame(passing.bytes.slice(), "toRelay");
      if (frame.type !== "putLink" || frame.step !== "join") return [passing.bytes];
      const key = decodeJoin(frame.body).key;
      const at = Buffer.from(frame.body).indexOf(Buffer.from(key));
      const body = Uint8Array.from(frame.body);
      body.set(publicKey, at);
      return [encodeFrame({ ...frame, body })];
    });
    const old = await oldDevice();
    const link = await old.devices.createLink();
    const { client } = newDevice(link.uri);
    expect(await codeOf(link.joined)).toBe("linkInvalid");
    expect(await codeOf(client)).toBe("linkExpired");
    expect(stepNames()).toEqual(["join"]);
  });

  it("cannot damage a step unnoticed", async () => {
    for (const [step, code] of [
      ["challenge", "linkInvalid"],
      ["provision", "linkInvalid"],
    ] as const) {
      heard = [];
      proxy.become((passing) => {
        void record(passing);
        if (passing.direction === "toClient") return [passing.bytes];
        const frame = decodeFrame(passing.bytes.slice(), "toRelay");
        if (frame.type !== "putLink" || frame.step !== step) return [passing.bytes];
        const body = Uint8Array.from(frame.body);
        body[9] = (body[9] ?? 0) ^ 1;
        return [encodeFrame({ ...frame, body })];
      });
      const old = await oldDevice();
      const link = await old.devices.createLink();
      const { client, shown } = newDevice(link.uri, `phone-${step}`);
      if (step === "provision") link.confirm(await shown).catch(() => undefined);
      expect(await codeOf(client)).toBe(code);
      expect((await old.devices.list()).length).toBe(1);
      await old.close();
    }
  });

  it("is not believed if it is another one than the link names", async () => {
    const old = await oldDevice();
    const link = await old.devices.createLink();
    const forged = encodeLinkUri({ ...decodeLinkUri(link.uri), root: new Uint8Array(32) });
    expect(await codeOf(newDevice(forged).client)).toBe("wrongRoot");
    expect(stepNames()).toEqual([]);
    expect(link.state).toBe("waiting");
  });

  it("sees no step of a hand-over when the code was wrong", async () => {
    const old = await oldDevice();
    const link = await old.devices.createLink();
    const { shown, client } = newDevice(link.uri);
    await link.joined;
    const code = await codeOf(link.confirm(otherCode(await shown)));
    expect([code, await codeOf(client)]).toEqual(["wrongCode", "linkExpired"]);
    expect(stepNames()).not.toContain("provision");
    expect((await old.devices.list()).length).toBe(1);
    proxy.become(passOn);
  });
});

it("a new device that never reaches the relay says so", async () => {
  const old = await oldDevice();
  const link = await old.devices.createLink();
  const elsewhere = encodeLinkUri({ ...decodeLinkUri(link.uri), relay: "http://localhost:1" });
  // It tries for many seconds, which pass in a hurry here.
  const { clock } = nodePlatform;
  const hurried = { ...clock, after: (delayMs: number, work: () => void) => clock.after(delayMs / HURRY, work) };
  const options = { userId: "alice", store: linker.storeOf("phone"), confirm: () => true };
  expect(await codeOf(linkDevice({ ...nodePlatform, clock: hurried }, elsewhere, options))).toBe("offline");
});
