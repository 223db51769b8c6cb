import { type Content, limits, type MessageId, parseConversationId, parseDeviceId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { conversationId } from "../people.js";
import { me, peer, START_MS, TimedDevice } from "./fixture.js";

const MAX = Number.MAX_SAFE_INTEGER;
const ids = ["1", "2", "3", "4"].map((digit) => digit.repeat(32) as MessageId);
const target = fc.constantFrom(...ids);
/** Numbers where rules end. */
const numbers = (...edges: readonly number[]) => fc.constantFrom(...edges);
const words = fc.constantFrom("a", "\u0000", "\u202e", "ﷺ".repeat(50), "x".repeat(limits.textBytes.value), "👍🏽");
const blob = { id: new Uint8Array(16), key: new Uint8Array(32), digest: new Uint8Array(32) };
const sizeBytes = numbers(0, limits.attachmentBytes.value);
const pixels = numbers(1, 65_535);
const thumbnail = fc.record({
  ...constants(blob),
  sizeBytes,
  mime: fc.constant("text/html"),
  width: pixels,
  height: pixels,
});
const attachment = fc.record({
  ...constants(blob),
  ...{
    sizeBytes,
    media: fc.constantFrom("file", "image", "voice", "video"),
    mime: words.map((text) => text.slice(0, 20)),
  },
  ...{ name: fc.constantFrom("../../etc/passwd", "\u202egpj.exe", undefined), expiresMs: numbers(0, MAX) },
  ...{ width: fc.option(pixels, { nil: undefined }), durationMs: numbers(0, 0xffff_ffff), thumbnail },
  ...{ waveform: fc.constantFrom(undefined, new Uint8Array(1), new Uint8Array(128)), blurhash: fc.constant("######") },
});
const mention = fc.record({
  account: fc.constantFrom(me, peer),
  start: numbers(0, 1, limits.textBytes.value),
  length: numbers(1, 2, limits.textBytes.value),
});
const preview = fc.record({
  url: fc.constantFrom("javascript:alert(1)", "https://a", "file:///etc"),
  title: fc.constant("t"),
});

const saying = fc.oneof(
  fc.record({ kind: fc.constant("text"), text: words }),
  fc.record({ kind: fc.constant("edit"), target, text: words }),
  fc.record({ kind: fc.constant("delete"), target }),
  fc.record({
    kind: fc.constant("reaction"),
    target,
    emoji: fc.constantFrom("👍", "x"),
    action: fc.constantFrom("add", "remove"),
  }),
  fc.record({ kind: fc.constant("attachments"), attachments: fc.array(attachment, { minLength: 1, maxLength: 16 }) }),
  fc.record({
    kind: fc.constant("annotated"),
    text: fc.constantFrom("hi 👍", "x"),
    mentions: fc.array(mention, { maxLength: 32 }),
    preview,
  }),
  fc.record({ kind: fc.constant("location"), latitude: numbers(0, 180_000_000), longitude: numbers(0, 360_000_000) }),
  fc.record({
    kind: fc.constant("card"),
    name: fc.constant("n"),
    entries: fc.constant([{ kind: "url", value: "javascript:x" }]),
  }),
  fc.record({
    kind: fc.constant("poll"),
    question: fc.constant("?"),
    options: fc.constant(["a", "a"]),
    choose: fc.constantFrom("one", "many"),
  }),
  fc.record({ kind: fc.constant("vote"), target, choices: fc.array(numbers(0, 1, 31), { maxLength: 32 }) }),
  fc.record({ kind: fc.constant("timer"), durationMs: numbers(0, 1, limits.timerMs.value) }),
  fc.record({
    kind: fc.constant("receipt"),
    receipt: fc.constantFrom("delivered", "read"),
    targets: fc.array(target, { minLength: 1 }),
  }),
) as fc.Arbitrary<Saying>;

const arrival = fc.record({
  saying,
  header: fc.record({
    sender: fc.constantFrom(me, peer),
    messageId: target,
    device: numbers(1, 127).map(parseDeviceId),
    counter: numbers(1, 2, MAX),
    sentAtMs: numbers(0, START_MS, MAX),
    timerMs: numbers(1, limits.timerMs.value, MAX).chain((ms) => fc.constantFrom(undefined, ms)),
  }),
  acceptedMs: numbers(0, START_MS, MAX),
  next: fc.constantFrom("nothing", "read", "wait", "restart", "say"),
});

describe("what modified clients and a relay that lies about the time say", () => {
  it("is shown or refused, and neither stops a device nor what is said there", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 25 }), async (arrivals) => {
        let device = await TimedDevice.start();
        const errors: unknown[] = [];
        for (const { saying: said, header, acceptedMs, next } of arrivals) {
          const conversation = parseConversationId(conversationId);
          const content = { ...said, ...header, conversation, seen: [] } as Content;
          await device.take(content, acceptedMs);
          if (next === "read") await device.read(...ids);
          if (next === "wait") {
            await device.clock.advance(10_000);
            await device.settle();
          }
          if (next === "restart") {
            errors.push(...device.errors);
            device = await device.restart();
          }
          if (next === "say") {
            for (const mine of [
              { kind: "timer", durationMs: 0 },
              { kind: "text", text: "mine" },
            ] as const)
              await device.take(
                await device.author.word(device.state, { saying: mine, messageId: ids[3] as MessageId }),
              );
          }
          await device.items();
        }
        await device.stop();
        expect([...errors, ...device.errors]).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

function constants<T extends object>(of: T): { readonly [Key in keyof T]: fc.Arbitrary<T[Key]> } {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, fc.constant(value)])) as never;
}
