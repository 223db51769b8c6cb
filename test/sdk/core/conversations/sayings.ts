/** One content of each kind that people put into a message, for tests of the rules. */

import type { AttachmentReference, MessageId } from "@sotto/protocol";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { me } from "../people.js";

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);

/** A reference that nobody uploaded. */
export const picture: AttachmentReference = {
  id: filled(16, 1),
  key: filled(32, 2),
  digest: filled(32, 3),
  sizeBytes: 70_000,
  media: "image",
  mime: "image/png",
  name: "cat.png",
  expiresMs: 1_900_000_000_000,
  width: 640,
  height: 480,
  blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
  thumbnail: {
    ...{ id: filled(16, 4), key: filled(32, 5), digest: filled(32, 6), sizeBytes: 900, mime: "image/webp" },
    ...{ width: 64, height: 48 },
  },
};

export const pictures: Saying = { kind: "attachments", attachments: [picture], text: "my cat" };
export const naming: Saying = {
  kind: "annotated",
  text: "ask @me about https://example.org",
  mentions: [{ account: me, start: 4, length: 3 }],
  preview: { url: "https://example.org", title: "An example" },
};
export const location: Saying = {
  ...{ kind: "location", latitude: 142_520_008, longitude: 193_404_954, accuracyMeters: 5 },
  label: "Brandenburg Gate",
};
export const card: Saying = { kind: "card", name: "Carol", entries: [{ kind: "phone", value: "+49 30 1" }] };
export const poll: Saying = { kind: "poll", question: "when?", options: ["now", "later", "never"], choose: "one" };
export const pollOfMany: Saying = { ...poll, choose: "many" };

/** A vote in a poll. */
export const vote = (target: MessageId, ...choices: number[]): Saying => ({ kind: "vote", target, choices });
