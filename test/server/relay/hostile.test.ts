/** Input that no honest client sends. */

import {
  closeCodes,
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameToRelay,
  limits,
  PROTOCOL_VERSION,
  parseDeviceId,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mailboxId } from "../../../server/ports.js";
import { localBus } from "../../../server/store/index.js";
import { Person, TestDevice } from "./support/device.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

/** Every frame of a client, valid and bound for a real account. */
function samples(device: TestDevice, challenge: Frame<"challenge">): readonly FrameToRelay[] {
  const { person } = device;
  const { account } = device.known;
  const send: FrameToRelay = {
    type: "send",
    id: 1,
    messageId: new Uint8Array(16),
    storage: "stored",
    urgency: "normal",
    purpose: "message",
    wantBundles: "yes",
    recipients: [{ account, deliveryKey: person.deliveryKey, scope: "all", envelopes: [envelopeFor(device)] }],
  };
  const link = new Uint8Array(16).fill(7);
  return [
    { type: "anonymous", version: PROTOCOL_VERSION },
    device.authentication(challenge),
    new TestDevice(new Person("eve")).registration(challenge, { mode: "first" }),
    { type: "ping", id: 1 },
    { type: "resolve", id: 2, userId: "alice" },
    { type: "fetchBundles", id: 3, account, devices: [], deliveryKey: person.deliveryKey },
    { type: "publishKeys", id: 4, oneTime: "add", ...person.oneTimeKeys([1]) },
    { type: "publishKeys", id: 4, oneTime: "replace", ...person.oneTimeKeys([2]) },
    { type: "fetchCertificate", id: 5 },
    { type: "setAccess", id: 6, deliveryKeyHash: new Uint8Array(32), firstContact: "everyone", blocked: [account] },
    send,
    { ...send, storage: "ephemeral", id: 7 },
    { type: "acknowledge", upTo: 0, also: [] },
    { type: "listDevices", id: 8 },
    { type: "nameDevice", id: 9, name: new Uint8Array(limits.sealedNameBytes.value) },
    { type: "park", id: 10, tokenHash: new Uint8Array(32) },
    { type: "openLink", id: 11, link },
    { type: "putLink", id: 12, link, step: "join", body: new Uint8Array(8) },
    { type: "putLink", id: 13, link, step: "challenge", body: new Uint8Array(8) },
    { type: "takeLink", id: 14, link, step: "approve" },
    { type: "closeLink", id: 15, link },
    { type: "revokeDevice", id: 16, device: parseDeviceId(2), deliveryKeyHash: new Uint8Array(32) },
  ];
}

/** What the relay would read; `undefined` if it is no frame. */
function readAs(bytes: Uint8Array): FrameToRelay | undefined {
  try {
    return decodeFrame(bytes, "toRelay");
  } catch {
    return undefined;
  }
}

/** Whether chance spelt an honest word with which the device ends itself, and the test with it. */
function revokes(bytes: Uint8Array, device: TestDevice): boolean {
  const frame = readAs(bytes);
  return frame?.type === "revokeDevice" && frame.device === device.known.device;
}

describe("bytes that are no frame, or not quite one", () => {
  it("cost at most the connection they came on, in every stage, and never trouble a bystander", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1_000_000 } });
    const bystander = await relay.person("bystander");
    const { device } = await relay.person("alice");
    const { challenge } = await relay.challenged();
    const frames = samples(device, challenge).map((frame) => encodeFrame(frame));
    const open = {
      greeting: async () => (await relay.challenged()).client,
      anonymous: () => relay.anonymous(),
      device: () => relay.connected(device),
    };
    const mutation = fc.record({
      stage: fc.constantFrom("greeting", "anonymous", "device"),
      frame: fc.constantFrom(...frames),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
      cut: fc.option(fc.nat(), { freq: 4, nil: undefined }),
      tail: fc.uint8Array({ maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 10 }), async (mutations) => {
        const client = await open[(mutations[0] as (typeof mutations)[0]).stage]();
        for (const { frame, flips, cut, tail } of mutations) {
          const whole = Uint8Array.from([...frame, ...tail]);
          for (const [at, bits] of flips) whole[at % whole.length] = (whole[at % whole.length] as number) ^ bits;
          const bytes = cut === undefined ? whole : whole.subarray(0, cut % whole.length);
          if (!revokes(bytes, device)) client.raw(bytes);
        }
        await settle();
        relay.clock.advance(250);
        expect([undefined, closeCodes.badFrame, closeCodes.unauthenticated]).toContain(client.closedWith);
        client.hangUp();
      }),
      { numRuns: 300 },
    );
    expect(relay.bugs).toEqual([]);
    const sender = await relay.anonymous();
    const again = await relay.connected(bystander.device);
    await again.next("queueEmpty");
    sender.say(sendFrame(sender, [sealedTo(bystander.device)]));
    await sender.next("accepted");
    await again.next("deliver");
  });

  it("of plain chance close with 4400", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1_000_000 } });
    await fc.assert(
      // Three bytes are enough for a ping.
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }).filter((bytes) => readAs(bytes) === undefined),
        async (bytes) => {
          const client = await relay.anonymous();
          client.raw(bytes);
          await client.closed("badFrame");
        },
      ),
      { numRuns: 500 },
    );
    expect(relay.bugs).toEqual([]);
  });
});

describe("our own bug", () => {
  it("in a notice closes the connection it concerns with 4500 and does not reach the sender", async () => {
    const bus = localBus();
    const relay = await TestRelay.start({ bus });
    const { client, device, account } = await relay.person("alice");
    const mailbox = mailboxId(account, device.known.device, device.registrationId);
    const envelope = { cursor: 1, messageId: new Uint8Array(3), acceptedMs: 1, body: new Uint8Array(1) };
    expect(() => bus.publish(mailbox, { kind: "mail", envelope })).not.toThrow();
    await client.closed("internal");
    expect(relay.bugs).toHaveLength(1);
  });
});
