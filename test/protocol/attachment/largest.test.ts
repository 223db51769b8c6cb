import {
  type Content,
  decodeContent,
  encodeContent,
  limits,
  parseAccountId,
  parseConversationId,
  parseDeviceId,
  parseMessageId,
} from "@sotto/protocol";
import { expect, test } from "vitest";

const blob = {
  id: new Uint8Array(16),
  key: new Uint8Array(32),
  digest: new Uint8Array(32),
  sizeBytes: limits.attachmentBytes.value,
  mime: "x".repeat(limits.mimeBytes.value),
};
const thumbnail = { ...blob, width: 65_535, height: 65_535 };
const attachment = {
  ...blob,
  media: "video" as const,
  name: "x".repeat(limits.fileNameBytes.value),
  expiresMs: Number.MAX_SAFE_INTEGER,
  ...{ width: 65_535, height: 65_535, durationMs: 0xffff_ffff },
  waveform: new Uint8Array(128),
  blurhash: "x".repeat(64),
  thumbnail,
};
const account = parseAccountId("00112233-4455-6677-8899-aabbccddeeff");
const messageId = parseMessageId("ab".repeat(16));
const header = {
  sender: account,
  device: parseDeviceId(127),
  conversation: parseConversationId("cd".repeat(16)),
  messageId,
  counter: Number.MAX_SAFE_INTEGER,
  sentAtMs: Number.MAX_SAFE_INTEGER,
  revision: 0xffff_ffff,
  timerMs: Number.MAX_SAFE_INTEGER,
  seen: Array.from({ length: 8 }, () => new Uint8Array(32)),
};
const quoted = { messageId, hash: new Uint8Array(32) };
const text = "x".repeat(limits.textBytes.value);

test.each<Content>([
  {
    ...header,
    kind: "attachments",
    attachments: Array.from({ length: limits.attachmentsPerContent.value }, () => attachment),
    text,
    quoted,
  },
  {
    ...header,
    kind: "annotated",
    text,
    quoted,
    mentions: Array.from({ length: limits.mentions.value }, () => ({ account, start: 32_768, length: 32_768 })),
    preview: {
      url: "x".repeat(limits.urlBytes.value),
      title: "x".repeat(limits.previewTitleBytes.value),
      description: "x".repeat(limits.previewWordsBytes.value),
      image: thumbnail,
    },
  },
  {
    ...header,
    kind: "poll",
    question: "x".repeat(limits.questionBytes.value),
    options: Array.from({ length: limits.pollOptions.value }, () => "x".repeat(limits.labelBytes.value)),
    choose: "many",
  },
])("the largest content of kind $kind fits", (content) => {
  const bytes = encodeContent(content);
  expect(bytes.length).toBeLessThanOrEqual(limits.contentBytes.value);
  expect(decodeContent(bytes)).toEqual(content);
});
