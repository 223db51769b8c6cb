/** The uploads of this device: those under way, those that wait for their source to be brought again, and the finished ones. */

import { SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import type { RelayLink } from "../link/relay-link.js";
import type { AbortSignalLike, ChunkKey, Clock, Hashing, Http, Log, Random, ReadableSource } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { PendingUpload } from "./attachment.js";
import { PendingUploads, type Place, parsePlace } from "./pending.js";
import { mostPartChunks, plainBytesIn } from "./seal.js";
import { assertFits, letGo, type OpenSource } from "./source.js";
import { Spool } from "./spool.js";
import { Tus, type TusAnswer } from "./tus.js";
import { type UploadedBlob, uploadBlob } from "./upload.js";
import type { UploadParts } from "./upload-course.js";
import { UploadLeave } from "./upload-leave.js";
import { UploadQueue } from "./upload-queue.js";

/** What uploads work with. */
export interface UploadsParts {
  readonly store: SealedStore;
  readonly link: Pick<RelayLink, "request">;
  readonly http: Http;
  /** Where the relay's HTTP paths begin: `https://host/v1`. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly chunkKey: (key: Uint8Array) => Promise<ChunkKey>;
  readonly sha256: () => Hashing;
}

/** How one is uploaded. */
export interface Uploading {
  readonly name: string | undefined;
  readonly signal: AbortSignalLike | undefined;
  /** Bytes of the plaintext that are durable at the relay, of all there are. Never goes back. */
  readonly sent: ((sentBytes: number, totalBytes: number) => void) | undefined;
}

/** Uploads one blob: the one that the app asked for, or a small one beside it. */
export type UploadOne = (source: ReadableSource, which?: "main" | "beside") => Promise<UploadedBlob>;

/** Uploads sources, and remembers what is not finished. */
export class Uploads {
  private readonly pendings: PendingUploads;
  private readonly spool: Spool;
  private readonly tus: Tus;
  private readonly upload: UploadParts;
  private readonly queue = new UploadQueue();
  private readonly closing = new Cancellation();
  private readonly background = new Set<Promise<void>>();
  /** What stops the uploads of a place that are under way or wait. */
  private readonly stops = new Map<Place, Set<(reason: SottoError) => void>>();

  constructor(private readonly parts: UploadsParts) {
    const { store, link, http, address, clock, random, chunkKey, sha256 } = parts;
    this.pendings = new PendingUploads({ store, random });
    this.spool = new Spool({ store, clock });
    this.tus = new Tus({ http, base: address });
    this.upload = {
      ...{ clock, random, chunkKey, sha256 },
      tus: this.tus,
      leave: new UploadLeave({ link, tus: this.tus }),
      pending: this.pendings,
      mostPartChunks: () => mostPartChunks(this.queue.underway),
      abandon: (uploadId) => this.later(async () => void (await this.tus.remove(uploadId, this.closing))),
    };
  }

  /** Deletes what an earlier run left and nobody can go on with. */
  async load(): Promise<void> {
    const nowMs = this.parts.clock.now();
    await this.spool.purge(nowMs);
    for (const { place, row } of await this.pendings.purge(nowMs))
      this.later(async () => {
        const answer = await this.tus.remove(row.uploadId, this.closing);
        if (answer.kind === "gone") await this.pendings.remove(place);
      });
  }

  /**
   * Uploads what a source becomes by `work`, which is told what to read, and uploads one `main` blob and what is `beside` it.
   * Only the main one's progress is told.
   *
   * @throws what `uploadBlob` and `openSource` throw; tooManyRequests if too many wait; closed.
   */
  async run<T>(
    opened: OpenSource,
    uploading: Uploading,
    work: (readable: ReadableSource, upload: UploadOne) => Promise<T>,
  ): Promise<T> {
    const place = this.pendings.placeOf(opened.place);
    return this.stoppable(place, uploading.signal, (signal) =>
      this.queue.run(place, signal, async () => {
        const readable = await this.readable(opened, place, uploading.name, signal);
        const done = await work(readable, (source, which = "main") => {
          if (which === "main") return this.blob(source, { place, signal, uploading });
          const beside = this.pendings.placeOf(`beside:${place}`);
          return this.blob(source, { place: beside, signal, uploading: { ...uploading, sent: undefined } });
        });
        if (opened.kind === "stream") await this.spool.drop(place);
        return done;
      }),
    ).finally(() => letGo(opened));
  }

  /** What is not finished, in no order. */
  async pending(): Promise<readonly PendingUpload[]> {
    const uploads = (await this.pendings.all()).map(({ place, row }): PendingUpload => {
      const { name, durable, sizeBytes, startedMs } = row;
      return { id: place, name, sentBytes: plainBytesIn(durable, sizeBytes), totalBytes: sizeBytes, startedMs };
    });
    const known = new Set(uploads.map(({ id }) => id));
    for (const { place, row } of await this.spool.all()) {
      if (known.has(place)) continue;
      const { name, sizeBytes, startedMs } = row;
      uploads.push({ id: place, name, sentBytes: 0, totalBytes: sizeBytes, startedMs });
    }
    return uploads;
  }

  /** Ends an upload, and deletes it at the relay and here. Idempotent. @throws offline, busy, badRelay; then it is still here. */
  async discard(id: string): Promise<void> {
    const place = parsePlace(id);
    const reason = new SottoError("aborted", { detail: "the upload was discarded" });
    for (const stop of [...(this.stops.get(place) ?? [])]) stop(reason);
    await this.queue.alone(place, async () => {
      const row = await this.pendings.find(place);
      if (row !== undefined) assertGone(await this.tus.remove(row.uploadId, this.closing));
      await this.pendings.remove(place);
      await this.spool.drop(place);
    });
  }

  /**
   * Deletes a finished upload of this device at the relay, and the one beside it first. After an error it goes on at the next call.
   *
   * @throws invalidArgument if it is none; offline, busy, badRelay.
   */
  async delete(blob: Uint8Array, beside?: Uint8Array): Promise<void> {
    const finished = await this.pendings.finished(blob);
    if (finished === undefined)
      throw new SottoError("invalidArgument", {
        detail: "an attachment is deleted by the device that uploaded it, before it expires",
      });
    const small = beside && (await this.pendings.finished(beside));
    if (beside !== undefined && small !== undefined) await this.deleted(beside, small.uploadId);
    await this.deleted(blob, finished.uploadId);
  }

  /** Ends all uploads with `closed`; they go on in the next run. Settles when none touches the store any more. Idempotent. */
  async close(): Promise<void> {
    const reason = new SottoError("closed");
    for (const stops of [...this.stops.values()]) for (const stop of [...stops]) stop(reason);
    this.closing.abort();
    await this.queue.close();
    await Promise.all(this.background);
  }

  private async deleted(blob: Uint8Array, uploadId: Uint8Array): Promise<void> {
    assertGone(await this.tus.remove(uploadId, this.closing));
    await this.pendings.forget(blob);
  }

  private async readable(
    opened: OpenSource,
    place: Place,
    name: string | undefined,
    signal: AbortSignalLike,
  ): Promise<ReadableSource> {
    if (opened.kind === "readable") {
      assertFits(opened.readable);
      return opened.readable;
    }
    const use = opened.place === undefined ? "once" : "again";
    const kept = await this.spool.take(opened.stream, { place, use, name, signal });
    // What is deleted with this run is known again by nobody.
    return use === "again" ? kept : { ...kept, identity: undefined };
  }

  private async blob(
    source: ReadableSource,
    { place, signal, uploading }: { place: Place; signal: AbortSignalLike; uploading: Uploading },
  ): Promise<UploadedBlob> {
    assertFits(source);
    let most = -1;
    const sent = (bytes: number) => {
      if (bytes <= most) return;
      most = bytes;
      uploading.sent?.(bytes, source.sizeBytes);
    };
    const identity = source.identity === undefined ? undefined : this.pendings.identityOf(source.identity);
    const done = await uploadBlob(this.upload, { place, source, identity, name: uploading.name, signal, sent });
    sent(source.sizeBytes);
    return done;
  }

  /** Runs work that the app, a discard and the end of the client stop, each with a reason of its own. */
  private async stoppable<T>(
    place: Place,
    app: AbortSignalLike | undefined,
    work: (signal: AbortSignalLike) => Promise<T>,
  ): Promise<T> {
    if (this.closing.aborted) throw new SottoError("closed");
    if (app?.aborted === true) throw new SottoError("aborted");
    const signal = new Cancellation();
    let reason: SottoError | undefined;
    const stop = (why: SottoError) => {
      reason ??= why;
      signal.abort();
    };
    const abort = () => stop(new SottoError("aborted"));
    const stops = this.stops.get(place) ?? new Set();
    this.stops.set(place, stops.add(stop));
    app?.addEventListener("abort", abort, { once: true });
    try {
      return await work(signal);
    } catch (error) {
      throw reason ?? error;
    } finally {
      app?.removeEventListener("abort", abort);
      stops.delete(stop);
      if (stops.size === 0) this.stops.delete(place);
    }
  }

  /** Tidying that nobody waits for, and that may fail: the relay lets go of everything in time. */
  private later(work: () => Promise<void>): void {
    if (this.closing.aborted) return;
    const done = work()
      .catch((error: unknown) => {
        const code = error instanceof SottoError ? error.code : "unknown";
        if (code !== "aborted" && code !== "closed") this.parts.log("warn", "an upload was not tidied up", { code });
      })
      .finally(() => this.background.delete(done));
    this.background.add(done);
  }
}

/** @throws the reason if an upload was not deleted. */
function assertGone(answer: TusAnswer): void {
  switch (answer.kind) {
    case "gone":
      return;
    case "later":
      throw answer.error;
    case "moved":
      throw new SottoError("busy");
    default:
      throw new SottoError("badRelay", { detail: "an upload was not deleted" });
  }
}
