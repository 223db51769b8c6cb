/** Attachments as an app meets them: what it uploads, what it gets, and what it is told meanwhile. */

import type { AttachmentReference, MediaKind } from "@sotto/protocol";
import type { AbortSignalLike } from "../ports.js";

/** An uploaded file, picture, voice note or video: what a message carries, and what a recipient downloads with. */
export type Attachment = AttachmentReference;

/** How far a transfer is, in bytes of the file itself. Never goes back, and ends with `sentBytes` = `totalBytes`. */
export interface UploadProgress {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** How something is uploaded. */
export interface UploadOptions {
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Ends the call with `aborted`. What the relay has stays there, and the next upload of the same source goes on behind it. */
  readonly signal?: AbortSignalLike | undefined;
  /** What recipients see as the file's name; else the source's own, if it has one. */
  readonly name?: string | undefined;
  /** The media type; else the source's own, else `application/octet-stream`. */
  readonly mime?: string | undefined;
  /**
   * What it is shown as; if nothing is said, a picture as `image` and everything else as `file`. An `image` is made upright and
   * loses its metadata, and with it where it was taken; `file` sends a picture as it is. Videos and voice notes are sent as they
   * are too, with whatever they say of themselves.
   */
  readonly as?: MediaKind | undefined;
  /** How long a voice note or video is; of a voice note measured unless given. */
  readonly durationMs?: number | undefined;
  /** The loudness of a voice note in up to 128 equal steps, 0 to 255 each; measured unless given with `durationMs`. */
  readonly waveform?: Uint8Array | undefined;
  /** How many bytes a stream will have. One of unknown length is kept on this device, encrypted, until its end is known. */
  readonly sizeBytes?: number | undefined;
  /**
   * A name of the app's for this very content, under which it goes on in a later run. Needed only for streams, and Blobs that
   * are no File: files and bytes are known again by themselves.
   */
  readonly resume?: string | undefined;
}

/** An upload that is not finished. The next `upload()` of its source goes on with it. */
export interface PendingUpload {
  /** What `discard` takes. */
  readonly id: string;
  readonly name?: string | undefined;
  /** What the relay had when this was last written down. */
  readonly sentBytes: number;
  readonly totalBytes: number;
  readonly startedMs: number;
}

/** The part of a Blob the core uses; one with `name` and `lastModified` is a File. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  readonly name?: string;
  readonly lastModified?: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** A `URL` of a file. */
export interface FileUrl {
  readonly protocol: string;
  readonly href: string;
}

/**
 * What can be uploaded: bytes, a Blob or File, the path or `file:` URL of a file, or a stream of bytes. Bytes are not copied:
 * leave them as they are until the upload has settled.
 */
export type UploadSource = Uint8Array | BlobLike | string | FileUrl | AsyncIterable<Uint8Array>;
