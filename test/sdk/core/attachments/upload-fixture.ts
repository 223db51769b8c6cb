/** A device that uploads with everything around it in a test's hands: its lives and deaths, its disk, what leaves it. */

import { toHex } from "@sotto/protocol";
import { Attachments } from "../../../../sdk/core/attachments/attachments.js";
import { Uploads } from "../../../../sdk/core/attachments/uploads.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import type { ChunkKey, Clock, Http, HttpAsk, MediaTools, ReadableSource } from "../../../../sdk/core/ports.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { openSealed } from "../storage/fixture.js";
import { MemoryPlace, UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";
import { ADDRESS, TusRelay } from "./upload-relay.js";

const SEALED_CHUNK = 65_552;

/**
 * Watches what leaves: which key and nonce every sealed chunk has, and that no two plaintexts ever leave under the same. What
 * was sealed and had not left when its process died is nobody's knowledge, and does not count.
 */
export class WatchedKeys {
  /** Keys that sealed something. */
  readonly keys = new Set<string>();
  /** What left a second time and was not the same. */
  readonly reused: string[] = [];
  private readonly sealed = new Map<string, string>();
  private readonly uses = new Map<string, string>();
  private readonly left = new Map<string, Uint8Array>();

  readonly chunkKey = async (key: Uint8Array): Promise<ChunkKey> => {
    const name = toHex(key);
    const inner = await nodePlatform.chunkKey(key);
    return {
      open: (nonce, sealed) => inner.open(nonce, sealed),
      seal: async (nonce, plaintext) => {
        this.keys.add(name);
        const sealed = await inner.seal(nonce, plaintext);
        this.sealed.set(beginningOf(sealed), `${name}/${toHex(nonce)}`);
        return sealed;
      },
    };
  };

  /** A request leaves. */
  leaves({ method, url, headers, body = new Uint8Array(0) }: HttpAsk): void {
    if (method !== "PATCH") return;
    const from = Number(headers["upload-offset"]);
    for (let chunk = Math.ceil(from / SEALED_CHUNK); chunk * SEALED_CHUNK < from + body.length; chunk++) {
      const begins = beginningOf(body.subarray(chunk * SEALED_CHUNK - from));
      const use = this.sealed.get(begins) ?? `what nobody sealed, in chunk ${chunk}`;
      if ((this.uses.get(use) ?? begins) !== begins) this.reused.push(use);
      this.uses.set(use, begins);
    }
    // In the middle of a chunk as well the bytes of a place are always the same.
    const before = this.left.get(url) ?? new Uint8Array(0);
    const again = before.subarray(from, from + body.length);
    if (!Buffer.from(again).equals(body.subarray(0, again.length))) this.reused.push(`${url} from ${from}`);
    const end = Math.max(before.length, from + body.length);
    const all = new Uint8Array(end);
    all.set(before);
    all.set(body, from);
    this.left.set(url, all);
  }
}

function beginningOf(sealed: Uint8Array): string {
  return toHex(sealed.subarray(0, 16));
}

/** A clock on which every wait is over at once, and counts in full. */
export function eagerClock(): Clock & { pass(ms: number): void } {
  let nowMs = 1_700_000_000_000;
  return {
    pass(ms) {
      nowMs += ms;
    },
    now: () => nowMs,
    after(delayMs, work) {
      const timer = setImmediate(() => {
        nowMs += delayMs;
        work();
      });
      return { cancel: () => clearImmediate(timer) };
    },
  };
}

/** The end of a life: at its nth request, of whose body the relay keeps so many bytes, or before its nth write. */
export type Death =
  | { readonly at: "request"; readonly number: number; readonly keep: number }
  | { readonly at: "write"; readonly number: number };

interface Life {
  readonly store: SealedStore;
  readonly uploads: Uploads;
  readonly attachments: Attachments;
}

/** A device that uploads, over any number of lives on one disk. */
export class Uploader {
  readonly relay = new TusRelay();
  readonly watched = new WatchedKeys();
  readonly warned: string[] = [];
  readonly clock = eagerClock();
  raw = new UnsafeMemoryStore();
  media: MediaTools | undefined = undefined;
  private place = new MemoryPlace();
  private life: Life | undefined;

  constructor(private readonly files: (path: string) => Promise<ReadableSource> = nodePlatform.openFile ?? unopened) {}

  /** The attachments of the present life. */
  get attachments(): Attachments {
    if (this.life === undefined) throw new Error("begin a life first");
    return this.life.attachments;
  }

  /** Begins a life. */
  async live(): Promise<Attachments> {
    this.raw = new UnsafeMemoryStore(this.place);
    return this.begin(this.relay.http);
  }

  /** Does work in a life that ends as a killed process does: answers whether it was over before. */
  async liveUntil(death: Death, work: (attachments: Attachments) => Promise<unknown>): Promise<"done" | "died"> {
    const died = deferred<"died">();
    let passed = 0;
    let isDead = false;
    const isHere = (at: Death["at"]) => {
      if (death.at !== at) return isDead;
      passed += 1;
      isDead ||= passed >= death.number;
      return isDead;
    };
    const never = () => {
      died.resolve("died");
      return new Promise<never>(() => undefined);
    };
    this.raw = new UnsafeMemoryStore(this.place);
    const attachments = await this.begin(async (ask) => {
      if (!isHere("request")) return this.relay.http(ask);
      const keep = death.at === "request" ? death.keep : 0;
      if (ask.method === "PATCH") await this.relay.http({ ...ask, body: ask.body?.subarray(0, keep) });
      return never();
    });
    this.raw.beforeWrite = async () => {
      if (isHere("write")) await never();
    };
    const outcome = await Promise.race([work(attachments).then(() => "done" as const), died.promise]);
    // What the dead life may still do changes nothing: it lost its disk.
    const kept = new MemoryPlace();
    for (const [key, value] of this.place.rows) kept.rows.set(key, value);
    this.place = kept;
    this.life = undefined;
    return outcome;
  }

  private async begin(http: Http): Promise<Attachments> {
    const { watched, clock, files } = this;
    const store = await openSealed(this.raw);
    const log = (_level: string, event: string) => void this.warned.push(event);
    const watching: Http = (ask) => {
      watched.leaves(ask);
      return http(ask);
    };
    const shared = { ...nodePlatform, clock, log, http: watching, chunkKey: watched.chunkKey, address: ADDRESS };
    const uploads = new Uploads({ ...shared, store, link: this.relay.link as never });
    await uploads.load();
    this.life = {
      store,
      uploads,
      attachments: new Attachments({ ...shared, media: this.media, openFile: files, uploads }),
    };
    return this.life.attachments;
  }

  /** Ends a life as an app does. */
  async close(): Promise<void> {
    await this.life?.uploads.close();
    await this.life?.store.close();
    this.life = undefined;
  }
}

async function unopened(): Promise<ReadableSource> {
  throw new Error("there are no files here");
}

/** A source that is known again, in pieces of a size. */
export function sourceOf(bytes: Uint8Array, { identity = "the same", pieceBytes = 50_000 } = {}): ReadableSource {
  return {
    sizeBytes: bytes.length,
    identity,
    async *read(from) {
      for (let at = from; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
  };
}

/** Bytes that differ everywhere, and are the same at every run. */
export function bytesOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}
