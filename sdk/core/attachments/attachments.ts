/** The attachments of a client: upload, download, and what is not finished. */

import { type BlobReference, limits, mediaKinds, SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import type { AbortSignalLike, Log, MediaTools } from "../ports.js";
import { utf8Length } from "../utf8-length.js";
import type { Attachment, PendingUpload, UploadOptions, UploadSource } from "./attachment.js";
import { type DownloadOptions, type DownloadParts, downloadAttachment } from "./download.js";
import { fittingName } from "./pending.js";
import { prepare, sourceOf, thumbnailOf } from "./prepare.js";
import { assertSize, openSource, type SourceParts } from "./source.js";
import type { Uploads } from "./uploads.js";

/** The media type of what is only bytes. */
const ANY_MIME = "application/octet-stream";
/** Steps of a waveform. */
const MAX_STEPS = 128;
/** Bytes of the app's name for a stream. */
const MAX_RESUME_BYTES = 1_024;

/** What it stands on. */
export interface AttachmentsParts extends SourceParts, DownloadParts {
  readonly uploads: Uploads;
  readonly media: MediaTools | undefined;
  readonly log: Log;
}

/** What a client's `attachments` are. */
export class Attachments {
  private readonly closing = new Cancellation();

  constructor(private readonly parts: AttachmentsParts) {}

  /**
   * Uploads something, sealed under a fresh key, and answers what a message carries: `send({ attachments: [attachment] })`.
   *
   * Any size in constant memory; lost lines and restarts of the relay are waited over for two minutes without progress. After
   * an error or a crash the next call with the same source goes on behind what the relay has: the same file, File or bytes, or
   * whatever has the same name by `resume`. Until then it is among `pending()`.
   *
   * The relay is told a padded size, and neither name nor type. It does not learn from the upload whose it is.
   *
   * @throws invalidArgument; sourceUnreadable if the source cannot be read, or is not as long as it said; tooLarge;
   *   uploadQuota; aborted; offline, timeout, busy or tooManyRequests, with `retryAfterMs` where the relay says so; badRelay;
   *   closed.
   */
  async upload(source: UploadSource, options: UploadOptions = {}): Promise<Attachment> {
    const checked = checkOptions(options);
    const { uploads } = this.parts;
    // A sound is read twice, to be measured and to be sent: a stream of one is kept even if its size is known.
    const sought = checked.as === "voice" ? { ...checked, sizeBytes: undefined } : checked;
    const opened = await openSource(this.parts, source, sought);
    const own = opened.kind === "readable" ? opened.readable : undefined;
    const name = checked.name ?? fittingName(own?.name);
    const { onProgress, signal } = checked;
    const sent = onProgress === undefined ? undefined : this.telling(onProgress);
    return uploads.run(opened, { name, signal, sent }, async (readable, upload) => {
      const { source: prepared, media, shown, thumbnail } = await prepare(readable, checked, this.parts.media);
      // The small one first: what a crash leaves of the other goes on.
      const small = thumbnail && (await upload(sourceOf(thumbnail.bytes, thumbnail.mime), "beside"));
      const blob = await upload(prepared);
      const mime = (media === "image" ? undefined : checked.mime) ?? fittingMime(prepared.mime) ?? ANY_MIME;
      return {
        ...{ ...blob, media, mime, ...(name === undefined ? {} : { name }), ...shown },
        ...(thumbnail && small && { thumbnail: thumbnailOf(thumbnail, small) }),
      };
    });
  }

  /**
   * The bytes of an attachment, or of its thumbnail, in order; see `downloadAttachment`.
   *
   * @throws invalidArgument at once; later attachmentGone, attachmentCorrupt, offline, tooManyRequests, badRelay, aborted, and
   *   closed when the client closes.
   */
  download(attachment: BlobReference, options: DownloadOptions = {}): AsyncIterable<Uint8Array> {
    const signal = new Cancellation();
    return this.whileOpen(downloadAttachment(this.parts, attachment, { ...options, signal }), signal, options.signal);
  }

  /** The uploads that are not finished: under way, or waiting for their source to be uploaded again. */
  pending(): Promise<readonly PendingUpload[]> {
    return this.parts.uploads.pending();
  }

  /**
   * Gives an unfinished upload up: one under way rejects `aborted`, and what there is of it is deleted at the relay and here.
   * Idempotent.
   *
   * @throws offline or busy if the relay cannot be told; it is pending still. badRelay; invalidArgument for what is no id.
   */
  discard(id: string): Promise<void> {
    return this.parts.uploads.discard(id);
  }

  /**
   * Deletes what this device uploaded at the relay: nobody downloads it any more. For what was uploaded and not sent after
   * all, or taken back; what others downloaded they have.
   *
   * @throws invalidArgument if another device uploaded it, or it was deleted before; offline, busy, badRelay: try again.
   */
  delete({ id, thumbnail }: Attachment): Promise<void> {
    return this.parts.uploads.delete(id, thumbnail?.id);
  }

  /** Ends all downloads with `closed`. Idempotent. */
  close(): void {
    this.closing.abort();
  }

  /** Pieces until the app's signal aborts or the client closes, which both abort `signal`. */
  private async *whileOpen(
    pieces: AsyncIterable<Uint8Array>,
    signal: Cancellation,
    app: AbortSignalLike | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    const ends = app === undefined ? [this.closing] : [this.closing, app];
    const abort = () => signal.abort();
    if (ends.some(({ aborted }) => aborted)) abort();
    for (const end of ends) end.addEventListener("abort", abort, { once: true });
    try {
      yield* pieces;
    } catch (error) {
      throw this.closing.aborted ? new SottoError("closed", { cause: error }) : error;
    } finally {
      for (const end of ends) end.removeEventListener("abort", abort);
    }
  }

  private telling(onProgress: NonNullable<UploadOptions["onProgress"]>): (sent: number, total: number) => void {
    return (sentBytes, totalBytes) => {
      try {
        onProgress({ sentBytes, totalBytes });
      } catch {
        // An app's bug in its progress bar is no reason to upload once more.
        this.parts.log("error", "listener failed", { type: "onProgress" });
      }
    };
  }
}

function checkOptions(options: UploadOptions) {
  const { name, mime, as, sizeBytes, resume, durationMs, waveform } = options;
  if (as !== undefined && !mediaKinds.includes(as)) throw wrong(`as is one of ${mediaKinds.join(", ")}`);
  if (name !== undefined && !isText(name, limits.fileNameBytes.value))
    throw wrong(`name is text of 1 to ${limits.fileNameBytes.value} bytes`);
  if (mime !== undefined && !isText(mime, limits.mimeBytes.value))
    throw wrong(`mime is text of 1 to ${limits.mimeBytes.value} bytes`);
  if (resume !== undefined && !isText(resume, MAX_RESUME_BYTES))
    throw wrong(`resume is text of 1 to ${MAX_RESUME_BYTES} bytes`);
  if (durationMs !== undefined && !(Number.isInteger(durationMs) && durationMs >= 0 && durationMs <= 0xffff_ffff))
    throw wrong("durationMs is a whole number of milliseconds");
  if (
    waveform !== undefined &&
    !(waveform instanceof Uint8Array && waveform.length > 0 && waveform.length <= MAX_STEPS)
  )
    throw wrong(`waveform is 1 to ${MAX_STEPS} bytes`);
  assertSize(sizeBytes);
  return options;
}

function isText(text: string, maxBytes: number): boolean {
  return typeof text === "string" && text.isWellFormed() && text !== "" && utf8Length(text) <= maxBytes;
}

function fittingMime(mime: string | undefined): string | undefined {
  return mime !== undefined && isText(mime, limits.mimeBytes.value) ? mime : undefined;
}

function wrong(detail: string): SottoError {
  return new SottoError("invalidArgument", { detail });
}
