import { readFileSync } from "node:fs";
import * as protocol from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { parsed } from "../../scripts/vectors/json.js";
import { hex, unhex } from "./spelling.js";

interface Accepted {
  readonly name: string;
  readonly hex: string;
}
interface Refused extends Accepted {
  readonly refused: string;
}
type Direction = protocol.Direction;

function load<T>(name: string): T {
  const file = new URL(`../../protocol/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

const frames = load<{
  accepted: (Accepted & { direction: Direction; frame: { type: protocol.FrameName } })[];
  refused: (Refused & { direction: Direction })[];
}>("frames");
const contents = load<{ accepted: (Accepted & { content: { kind: string } })[]; refused: Refused[] }>("contents");
const payloads = load<{ accepted: (Accepted & { payload: { type: string } })[]; refused: Refused[] }>("payloads");
type BodyType = keyof typeof protocol.ownBodies;
const bodies = load<{
  accepted: (Accepted & { type: BodyType; body: object })[];
  refused: (Refused & { type: BodyType })[];
}>("own-bodies");
type GroupBodyType = keyof typeof protocol.groupBodies;
const groups = load<{
  entries: { accepted: (Accepted & { entry: protocol.GroupEntry })[]; refused: Refused[] };
  states: { accepted: (Accepted & { state: object; hash: unknown })[]; refused: Refused[] };
  bodies: {
    accepted: (Accepted & { type: GroupBodyType; body: object })[];
    refused: (Refused & { type: GroupBodyType })[];
  };
}>("groups");
const derived = load<{ derivation: string; input: unknown[]; output: unknown }[]>("derive");

const code = (expected: string) => expect.objectContaining({ name: "SottoError", code: expected });

describe("vectors of frames", () => {
  test.each(frames.accepted)("$name", ({ hex: bytes, direction, frame }) => {
    expect(protocol.decodeFrame(unhex(bytes), direction)).toEqual(parsed(frame));
    expect(hex(protocol.encodeFrame(parsed(frame) as protocol.Frame))).toBe(bytes);
  });

  test.each(frames.refused)("refused: $name", ({ hex: bytes, direction, refused }) => {
    expect(() => protocol.decodeFrame(unhex(bytes), direction)).toThrow(code(refused));
  });

  test("cover every row", () => {
    const covered = new Set(frames.accepted.map(({ frame }) => frame.type));
    expect([...covered].sort()).toEqual(Object.keys(protocol.frames).sort());
  });
});

describe("vectors of contents", () => {
  test.each(contents.accepted)("$name", ({ hex: bytes, content }) => {
    expect(protocol.decodeContent(unhex(bytes))).toEqual(parsed(content));
    expect(hex(protocol.encodeContent(parsed(content) as protocol.Content))).toBe(bytes);
  });

  test.each(contents.refused)("refused: $name", ({ hex: bytes, refused }) => {
    expect(() => protocol.decodeContent(unhex(bytes))).toThrow(code(refused));
  });

  test("cover every kind and the fallback", () => {
    const covered = new Set(contents.accepted.map(({ content }) => content.kind));
    expect([...covered].sort()).toEqual([...Object.keys(protocol.contentKinds), "unsupported"].sort());
  });
});

describe("vectors of payloads", () => {
  test.each(payloads.accepted)("$name", ({ hex: bytes, payload }) => {
    expect(protocol.decodePayload(unhex(bytes))).toEqual(parsed(payload));
    expect(hex(protocol.encodePayload(parsed(payload) as protocol.Payload))).toBe(bytes);
  });

  test.each(payloads.refused)("refused: $name", ({ hex: bytes, refused }) => {
    expect(() => protocol.decodePayload(unhex(bytes))).toThrow(code(refused));
  });
});

describe("vectors of bodies between devices of one account", () => {
  test.each(bodies.accepted)("$name", ({ hex: bytes, type, body }) => {
    expect(protocol.decodeOwnBody(type, unhex(bytes))).toEqual(parsed(body));
    expect(hex(protocol.encodeOwnBody(type, parsed(body) as never))).toBe(bytes);
  });

  test.each(bodies.refused)("refused: $name", ({ hex: bytes, type, refused }) => {
    expect(() => protocol.decodeOwnBody(type, unhex(bytes))).toThrow(code(refused));
  });

  test("cover every type", () => {
    const covered = new Set(bodies.accepted.map(({ type }) => type));
    expect([...covered].sort()).toEqual(Object.keys(protocol.ownBodies).sort());
  });
});

describe("vectors of a group's entries", () => {
  const { accepted, refused } = groups.entries;

  test.each(accepted)("$name", ({ hex: bytes, entry }) => {
    const expected = parsed(entry) as protocol.GroupEntry;
    expect(protocol.decodeGroupEntry(unhex(bytes))).toEqual(expected);
    expect(hex(protocol.encodeGroupEntry(expected, () => expected.signature))).toBe(bytes);
  });

  test.each(refused)("refused: $name", ({ hex: bytes, refused: expected }) => {
    expect(() => protocol.decodeGroupEntry(unhex(bytes))).toThrow(code(expected));
  });

  test("cover every kind", () => {
    const covered = new Set(accepted.map(({ entry }) => entry.change.kind));
    expect([...covered].sort()).toEqual(Object.keys(protocol.groupEntryKinds).sort());
  });
});

describe("vectors of a group's states", () => {
  test.each(groups.states.accepted)("$name", ({ hex: bytes, state, hash }) => {
    expect(protocol.decodeGroupState(unhex(bytes))).toEqual(parsed(state));
    expect(hex(protocol.encodeGroupState(parsed(state) as protocol.GroupState))).toBe(bytes);
    expect(protocol.groupStateHash(parsed(state) as protocol.GroupState)).toEqual(parsed(hash));
  });

  test.each(groups.states.refused)("refused: $name", ({ hex: bytes, refused }) => {
    expect(() => protocol.decodeGroupState(unhex(bytes))).toThrow(code(refused));
  });
});

describe("vectors of what is told of groups in sessions", () => {
  test.each(groups.bodies.accepted)("$name", ({ hex: bytes, type, body }) => {
    expect(protocol.decodeGroupBody(type, unhex(bytes))).toEqual(parsed(body));
    expect(hex(protocol.encodeGroupBody(type, parsed(body) as never))).toBe(bytes);
  });

  test.each(groups.bodies.refused)("refused: $name", ({ hex: bytes, type, refused }) => {
    expect(() => protocol.decodeGroupBody(type, unhex(bytes))).toThrow(code(refused));
  });

  test("cover every type", () => {
    const covered = new Set(groups.bodies.accepted.map(({ type }) => type));
    expect([...covered].sort()).toEqual(Object.keys(protocol.groupBodies).sort());
  });
});

describe("vectors of derived values", () => {
  const derivations: Readonly<Record<string, (...input: never[]) => unknown>> = {
    labelled: (label: string, fields: readonly Uint8Array[]) => protocol.labelled(label, ...fields),
    digest: protocol.digest,
    rootFingerprint: protocol.rootFingerprint,
    directConversationId: protocol.directConversationId,
    deriveDeliveryKey: protocol.deriveDeliveryKey,
    hashDeliveryKey: protocol.hashDeliveryKey,
    authenticationText: protocol.authenticationText,
    deskText: protocol.deskText,
    registrationText: protocol.registrationText,
    accessDigest: protocol.accessDigest,
    hashResumeToken: protocol.hashResumeToken,
    keyDigest: protocol.keyDigest,
    linkTranscript: protocol.linkTranscript,
    challengedTranscript: protocol.challengedTranscript,
    linkStepKey: protocol.linkStepKey,
    linkCode: protocol.linkCode,
    encodeLinkUri: protocol.encodeLinkUri,
    deriveDeviceNameKey: protocol.deriveDeviceNameKey,
    deviceNameContext: protocol.deviceNameContext,
    padDeviceName: protocol.padDeviceName,
    deriveGroupSecret: protocol.deriveGroupSecret,
    deriveGroupAccessSeed: protocol.deriveGroupAccessSeed,
    deriveGroupAdminSeed: protocol.deriveGroupAdminSeed,
    deriveGroupEntryKey: protocol.deriveGroupEntryKey,
    deriveGroupWrapKey: protocol.deriveGroupWrapKey,
    groupSealKey: protocol.groupSealKey,
    groupEntryContext: protocol.groupEntryContext,
    groupCheckpointContext: protocol.groupCheckpointContext,
    groupCreateText: protocol.groupCreateText,
    groupAppendText: protocol.groupAppendText,
    groupReadText: protocol.groupReadText,
    groupCheckpointText: protocol.groupCheckpointText,
    groupMessageId: protocol.groupMessageId,
    groupSendText: protocol.groupSendText,
    accessTagText: protocol.accessTagText,
    accessTag: protocol.accessTag,
  };

  test.each(derived)("$derivation of $input", ({ derivation, input, output }) => {
    const derive = derivations[derivation];
    expect(derive?.(...(input.map(parsed) as never[]))).toEqual(parsed(output));
  });

  test("cover every derivation", () => {
    expect([...new Set(derived.map(({ derivation }) => derivation))].sort()).toEqual(Object.keys(derivations).sort());
  });
});
