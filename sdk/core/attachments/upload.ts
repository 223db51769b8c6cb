/** One blob on its way to the relay, over losses of the line and restarts of either side. */

import { type BlobReference, blobIdOf, SottoError, sealedAttachmentSize } from "@sotto/protocol";
import type { Row } from "../rows.js";
import { Patience } from "./patience.js";
import { FIRST_PART_CHUNKS, nextPartChunks, plainBytesIn, type SealedPart } from "./seal.js";
import { type Course, goOn, setOut, type UploadJob, type UploadParts } from "./upload-course.js";
import { judge } from "./upload-verdict.js";

/** A relay that lets go of fresh uploads so often breaks the protocol. */
const MAX_STARTS = 4;

/** What was uploaded. `expiresMs` is when the relay deletes it. */
export type UploadedBlob = BlobReference & { readonly expiresMs: number };

/**
 * Uploads a blob, or goes on with what an earlier call began.
 *
 *   setting out ──leave, creation──▶ sending ──all durable──▶ finished
 *   going on ──same plaintext up to the mark──▶ ▲ │ └──lost──▶ waiting, looking ──▶ sending
 *      └──changed, gone──▶ setting out ◀───gone───┘
 *
 * No part leaves before a row says what was sealed under the key up to its end, so that no later run can seal anything else
 * for the same chunk: under one key and nonce AES-GCM bears one plaintext only.
 *
 * @throws sourceUnreadable; tooLarge, uploadQuota and what else the relay refuses by; offline, timeout, busy or
 *   tooManyRequests when nothing moved for two minutes; aborted; badRelay. It goes on at the next call, but after the last
 *   and where the source has no identity.
 */
export function uploadBlob(parts: UploadParts, job: UploadJob): Promise<UploadedBlob> {
  return new Upload(parts, job).run();
}

class Upload {
  private readonly patience: Patience;
  private readonly sealedBytes: number;

  constructor(
    private readonly parts: UploadParts,
    private readonly job: UploadJob,
  ) {
    this.patience = new Patience({ ...parts, signal: job.signal });
    this.sealedBytes = sealedAttachmentSize(job.source.sizeBytes);
  }

  async run(): Promise<UploadedBlob> {
    for (let starts = 0; starts < MAX_STARTS; starts++) {
      const uploaded = await this.start();
      if (uploaded !== "gone") return uploaded;
    }
    throw new SottoError("badRelay", { detail: "an upload is gone as soon as it began" });
  }

  private async start(): Promise<UploadedBlob | "gone"> {
    const { parts, job, patience } = this;
    const earlier = await parts.pending.find(job.place);
    const resumed = earlier === undefined ? undefined : await goOn(parts, job, patience, earlier);
    if (earlier !== undefined && resumed === undefined) await this.drop(earlier);
    const course = resumed ?? (await setOut(parts, job, patience));
    try {
      if (resumed !== undefined) this.report(resumed.offset);
      if ((await this.send(course)) === "all") return await this.finish(course);
      await parts.pending.remove(job.place);
      return "gone";
    } catch (error) {
      const isBroken = error instanceof SottoError && error.code === "badRelay";
      if (isBroken || course.row.identity === undefined) await this.drop(course.row);
      throw error;
    } finally {
      course.chunks.close();
    }
  }

  /** Sends everything behind `offset`. The next part is read, sealed and written down while one is under way. */
  private async send(course: Course): Promise<"all" | "gone"> {
    const { clock } = this.parts;
    let chunks = FIRST_PART_CHUNKS;
    let next = this.seal(course, chunks);
    try {
      for (;;) {
        const part = await next;
        if (part === undefined) return "all";
        next = this.seal(course, chunks);
        next.catch(() => undefined);
        const sinceMs = clock.now();
        if ((await this.deliver(course, part)) === "gone") return "gone";
        chunks = nextPartChunks(chunks, clock.now() - sinceMs, this.parts.mostPartChunks());
      }
    } finally {
      // Nothing is written down for this upload any more once it is over.
      course.chunks.close();
      await next.catch(() => undefined);
    }
  }

  /** The next part, which may leave: what it holds is durably written down. */
  private async seal(course: Course, most: number): Promise<SealedPart | undefined> {
    const part = await course.sealer.next(most);
    if (part === undefined) return undefined;
    course.row = { ...course.row, durable: course.offset, mark: part.mark };
    await this.parts.pending.save(this.job.place, course.row);
    return part;
  }

  private async deliver(course: Course, { from, until, bytes }: SealedPart): Promise<"delivered" | "gone"> {
    const { tus } = this.parts;
    const { signal } = this.job;
    const { uploadId } = course.row;
    let asking: "append" | "look" = "append";
    while (course.offset < until) {
      const { offset } = course;
      const answer =
        asking === "append"
          ? await tus.append(uploadId, offset, bytes.subarray(offset - from), signal)
          : await tus.look(uploadId, this.sealedBytes, signal);
      const verdict = judge(asking, answer, { offset, until });
      asking = "append";
      switch (verdict.kind) {
        case "advanced":
          course.offset = verdict.offset;
          if (answer.kind === "at") course.expiresMs = answer.expiresMs ?? course.expiresMs;
          this.patience.progressed();
          this.report(verdict.offset);
          break;
        case "repeat":
          break;
        case "lookLater":
          await this.patience.after(verdict.failure);
          asking = "look";
          break;
        case "contradicted":
          await this.patience.afterContradiction();
          asking = "look";
          break;
        case "gone":
          return "gone";
        case "failed":
          throw verdict.error;
      }
    }
    return "delivered";
  }

  private async finish({ row, chunks, expiresMs = row.expiresMs }: Course): Promise<UploadedBlob> {
    const id = blobIdOf(row.uploadId);
    await this.parts.pending.finish(this.job.place, id, { uploadId: row.uploadId, expiresMs });
    return { id, key: row.key, digest: chunks.soFar(), sizeBytes: row.sizeBytes, expiresMs };
  }

  /** Forgets an upload here, and at the relay if it can be reached. Its key is never used again. */
  private async drop({ uploadId }: Row<"upload">): Promise<void> {
    await this.parts.pending.remove(this.job.place);
    this.parts.abandon(uploadId);
  }

  private report(offset: number): void {
    this.job.sent(plainBytesIn(offset, this.job.source.sizeBytes));
  }
}
