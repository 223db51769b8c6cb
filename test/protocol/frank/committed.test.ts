import {
  blobCommitment,
  blobsOf,
  type Content,
  type ContentKind,
  committedForm,
  contentFields,
  contentKinds,
  decodeCommitted,
  decodeContent,
  encodeContent,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blobCommitmentsOf } from "../../../protocol/frank/committed.js";
import { accountOf, holds, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { refusal } from "../refusal.js";
import { wireOf } from "../shapes.js";
import { hex, join, spell } from "../spelling.js";

const kinds = Object.keys(contentKinds) as ContentKind[];
const redacted: readonly ContentKind[] = ["attachments", "annotated"];
const { version: _version, kindNumber: _kind, body: _body, ...header } = contentFields;
const headers = fc.tuple(...Object.values(header).map(({ shape }) => wireOf(shape)));

function contentsOf(kind: ContentKind): fc.Arbitrary<Uint8Array> {
  const { number, body } = contentKinds[kind];
  return fc
    .tuple(headers, wireOf(body.shape))
    .map(([fields, wire]) => spell([1, number, ...fields, spell(wire)]))
    .filter((bytes) => bytes.length <= 65_536);
}

describe.each(kinds)("the committed form of %s", (kind) => {
  test("is one, reads back, and says the same header", () => {
    fc.assert(
      fc.property(contentsOf(kind), (bytes) => {
        const form = committedForm(bytes);
        const content = decodeContent(bytes);
        const { sender, device, conversation, messageId, counter, sentAtMs } = content;
        const read = decodeCommitted(form);
        expect(read).toMatchObject({ kind, sender, device, conversation, messageId, counter, sentAtMs });
        if (!redacted.includes(kind)) expect(form).toEqual(bytes);
        expect(blobCommitmentsOf(read)).toEqual(blobsOf(content).map(blobCommitment));
      }),
      { numRuns: 60 },
    );
  });

  test("holds no id, key or digest of a blob", () => {
    fc.assert(
      fc.property(contentsOf(kind), (bytes) => {
        const form = committedForm(bytes);
        for (const { id, key, digest } of blobsOf(decodeContent(bytes))) {
          // What is all one byte may be anywhere.
          for (const field of [id, key, digest]) if (new Set(field).size > 8) expect(holds(form, field)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("is refused with a byte behind it", () => {
    const [bytes] = fc.sample(contentsOf(kind), { numRuns: 1, seed: 7 }) as [Uint8Array];
    expect(refusal(() => decodeCommitted(join([committedForm(bytes), Uint8Array.of(0)])))).toBe("badFrame");
  });
});

const id = (name: string, size: number) => secretOf(name).subarray(0, size);
const SIZE = 5_000;
const blob = (name: string) => ({
  id: id(`${name} id`, 16),
  key: secretOf(`${name} key`),
  digest: secretOf(`${name} digest`),
  sizeBytes: SIZE,
});
const small = new SmallRealm();
const { kind: _said, text: _text, ...said } = small.text(small.device("S"), accountOf("A"), "");
const picture = { media: "image", mime: "image/png", expiresMs: 9, width: 64, height: 48 } as const;
const thumbnail = { ...blob("two"), mime: "image/jpeg", width: 8, height: 6 };
const one = { ...picture, ...blob("one") };
type Attachments = Extract<Content, { kind: "attachments" }>;
const pictures = (attachments: Attachments["attachments"], text?: string) =>
  encodeContent({ ...said, kind: "attachments", attachments, text });

describe("a content that names blobs", () => {
  const content = pictures([{ ...one, thumbnail }]);

  test("commits to each by one hash of id, key, digest and size, thumbnails behind their attachment", () => {
    const blobs = blobsOf(decodeContent(content));
    expect(blobs.map(({ key }) => hex(key))).toEqual([hex(one.key), hex(thumbnail.key)]);
    expect(blobCommitmentsOf(decodeCommitted(committedForm(content)))).toEqual(blobs.map(blobCommitment));
    const [first] = blobs;
    if (first === undefined) throw new Error("a blob");
    const others = [
      first,
      { ...first, id: id("x", 16) },
      { ...first, key: secretOf("x") },
      { ...first, digest: secretOf("x") },
      { ...first, sizeBytes: SIZE + 1 },
    ].map((one) => hex(blobCommitment(one)));
    expect(new Set(others).size).toBe(others.length);
  });

  test("is no committed form itself, and a committed form is no content: nothing is read as both", () => {
    expect(refusal(() => decodeCommitted(content))).toBe("badFrame");
    expect(refusal(() => decodeContent(committedForm(content)))).toBe("badFrame");
    expect(refusal(() => committedForm(committedForm(content)))).toBe("badFrame");
  });

  test("keeps everything that is shown beside the blob: change it, and the form is another", () => {
    const forms = [
      content,
      pictures([one]),
      pictures([{ ...one, thumbnail: { ...thumbnail, height: 7 } }]),
      pictures([{ ...one, name: "holiday.png" }]),
      pictures([one, { ...one, ...blob("two") }]),
      pictures([{ ...one, ...blob("two") }]),
      pictures([one], "words"),
    ].map((bytes) => hex(committedForm(bytes)));
    expect(new Set(forms).size).toBe(forms.length);
  });
});

test("a kind that nobody knows yet is committed to as it is", () => {
  const unknown = encodeContent({ ...said, kind: "unsupported", kindNumber: 0xfff0, body: Uint8Array.of(1, 2, 3) });
  expect(committedForm(unknown)).toEqual(unknown);
  expect(decodeCommitted(unknown)).toMatchObject({ kind: "unsupported", kindNumber: 0xfff0 });
});
