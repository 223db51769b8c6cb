/** A report full of what hostile people write, made by the protocol's own functions: heads, words, and sealed attachments. */

import { createCipheriv, createHash } from "node:crypto";
import {
  type AccountId,
  ATTACHMENT_CHUNK_BYTES,
  accountIdToBytes,
  attachmentChunks,
  attachmentNonce,
  type BlobReference,
  blobsOf,
  type Content,
  deriveAttachmentKey,
  encodeHeadLayer,
  encodeWordsLayer,
  fromHex,
  type HeadItem,
  type HeadLayer,
  headLayerHash,
  type ItemRole,
  inspectHeads,
  layerContext,
  paddedAttachmentSize,
  parseMessageId,
  type SealKeys,
  seal,
  sealedAttachmentSize,
  toHex,
  type WordsItem,
} from "@sotto/protocol";
import type { Opening } from "../../../server/desk/api.js";
import { toBase64 } from "../../../server/desk/base64.js";
import { accountOf, type Device, evidenceOf, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";

/** Who takes part. */
export const accused = accountOf("S");
/** Who reports. */
export const reporter = accountOf("R");

/** An account as the desk writes it. */
export function hexOf(account: AccountId): string {
  return toHex(accountIdToBytes(account));
}

/** A sealed file, and what opens it. */
export interface SealedFile {
  readonly reference: BlobReference;
  readonly sealed: Uint8Array;
}

/** Seals a file as the SDK does. */
export function sealFile(name: string, plaintext: Uint8Array): SealedFile {
  const key = secretOf(`${name} key`);
  const padded = new Uint8Array(paddedAttachmentSize(plaintext.length));
  padded.set(plaintext);
  const sealed = new Uint8Array(sealedAttachmentSize(plaintext.length));
  const chunks = attachmentChunks(padded.length);
  let at = 0;
  for (let index = 0; index < chunks; index++) {
    const nonce = attachmentNonce(index, index === chunks - 1);
    const cipher = createCipheriv("aes-256-gcm", deriveAttachmentKey(key), nonce);
    const chunk = padded.subarray(index * ATTACHMENT_CHUNK_BYTES, (index + 1) * ATTACHMENT_CHUNK_BYTES);
    const part = Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
    sealed.set(part, at);
    at += part.length;
  }
  const digest = new Uint8Array(createHash("sha256").update(plaintext).digest());
  const id = secretOf(`${name} id`).slice(0, 16);
  return { reference: { id, key, digest, sizeBytes: plaintext.length }, sealed };
}

type Body<One = Content> = One extends Content
  ? Omit<One, "sender" | "device" | "conversation" | "messageId" | "counter" | "sentAtMs" | "seen">
  : never;

/** One message of the case. */
export interface Line {
  readonly by: "accused" | "reporter" | "other";
  readonly role: ItemRole;
  readonly counter: number;
  /** Names the message; edits and reactions name it as `target`. */
  readonly id: string;
  readonly content: Body;
  /** What the reporter claims was said, where that is something else. */
  readonly forged?: Body;
}

/** The message id of a name. */
export function messageIdOf(name: string) {
  return parseMessageId(toHex(secretOf(`case message ${name}`).subarray(0, 16)));
}

/** A submission as the desk hands it out. */
export class Reported {
  readonly realm = new SmallRealm();
  readonly #items: HeadItem[] = [];
  readonly #words: WordsItem[] = [];
  #minutes = 0;

  /** Adds a message; it was really sent, unless `forged`. */
  add({ by, role, counter, id, content: body, forged }: Line): this {
    const from = this.#device(by);
    const to = by === "reporter" ? accused : reporter;
    const { kind: _kind, text: _text, ...header } = this.realm.text(from, to, "");
    const content = { ...header, counter, messageId: messageIdOf(id), ...body } as Content;
    this.#minutes += 1;
    const sent = this.realm.send(from, to, content, { acceptedMs: NOW_MS + this.#minutes * 60_000 });
    const stampedFor = by === "reporter" ? accused : to;
    const evidence = evidenceOf(
      this.realm.check(sent, to, { nowMs: NOW_MS + 3_600_000, stamp: this.realm.stampFor(stampedFor, sent) }),
    );
    const claimed =
      forged === undefined ? sent.committed : this.realm.send(from, to, { ...header, ...forged } as Content).committed;
    const blobs = blobsOf(content).map((blob, index) => ({ index, ...blob }));
    this.#items.push({ role, head: evidence.head });
    this.#words.push({
      wordsKey: evidence.wordsKey,
      committed: claimed,
      blobs: blobs.map(({ index, id: blobId, key, digest, sizeBytes }) => ({
        index,
        id: blobId,
        key,
        digest,
        sizeBytes,
      })),
    });
    return this;
  }

  /** The report, its words sealed to a team's key. */
  handedOut(note: string, key: SealKeys, keyId: string): Opening["reports"][number] {
    const id = secretOf("report").slice(0, 16);
    const layer: HeadLayer = {
      ...{ kind: "report", category: "threat", accused, about: undefined },
      ...{ team: "community", teamKey: fromHex(keyId), items: this.#items },
    };
    const heads = encodeHeadLayer(layer);
    const headHash = headLayerHash(heads);
    const words = encodeWordsLayer({ headHash, note, items: this.#words });
    const context = layerContext(this.realm.realm, { id, reporter, layer: "words", headHash });
    const verdicts = inspectHeads(layer, reporter, this.realm.headKeys({ nowMs: NOW_MS + 3_600_000 }));
    return {
      ...{ report: toHex(id), reporter: hexOf(reporter), kind: "report", teamKey: keyId },
      heads: toBase64(heads),
      words: toBase64(seal(key.publicKey, context, words)),
      verdicts: this.#items.map(({ role, head }, index) => {
        const verdict = verdicts[index];
        return {
          ...{ role, account: hexOf(head.account), device: head.device, acceptedMs: head.acceptedMs },
          verdict: verdict?.kind === "refused" ? verdict.reason : "verified",
        };
      }),
    };
  }

  #device(by: Line["by"]): Device {
    return this.realm.device({ accused: "S", reporter: "R", other: "A" }[by]);
  }
}
