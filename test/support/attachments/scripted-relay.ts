/** The relay's side of a download in a test's hands: what it answers, in which pieces, and whether it ends, breaks or falls silent. */

import { deferred } from "../../../sdk/core/deferred.js";
import type { Http, HttpAsk } from "../../../sdk/core/ports.js";

/** One answer. */
export interface Script {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly pieces?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** What comes behind the pieces: the end, a broken line, or nothing ever. */
  readonly end?: "clean" | "broken" | "silent";
}

/** Answers requests by a script. */
export class ScriptedRelay {
  /** Every request that came. */
  readonly asks: HttpAsk[] = [];
  /** Bytes that were taken of all answers. */
  takenBytes = 0;
  private readonly unfinished = new Set<number>();

  constructor(private readonly script: (ask: HttpAsk, attempt: number) => Script | "unreachable" | "silent") {}

  /** Answers that were neither read to their end nor cancelled. */
  get open(): number {
    return this.unfinished.size;
  }

  /** The `Range` headers of the requests. */
  get ranges(): readonly (string | undefined)[] {
    return this.asks.map(({ headers }) => headers.range);
  }

  readonly http: Http = async (ask) => {
    this.asks.push(ask);
    const attempt = this.asks.length;
    const script = this.script(ask, attempt);
    if (script === "unreachable") throw new Error("connection refused");
    const gone = deferred<never>();
    ask.signal?.addEventListener("abort", () => gone.reject(new Error("the request was aborted")), { once: true });
    if (script === "silent") return gone.promise;
    const { status = 206, headers = {}, pieces = [], end = "clean" } = script;
    this.unfinished.add(attempt);
    return {
      status,
      header: (name) => headers[name],
      body: this.body(attempt, { pieces, end, gone: gone.promise }),
      cancel: () => {
        this.unfinished.delete(attempt);
        gone.reject(new Error("the answer was cancelled"));
      },
    };
  };

  private async *body(
    attempt: number,
    { pieces, end, gone }: Required<Pick<Script, "pieces" | "end">> & { readonly gone: Promise<never> },
  ): AsyncGenerator<Uint8Array, void> {
    for await (const piece of pieces) {
      this.takenBytes += piece.length;
      yield piece;
    }
    if (end === "silent") await gone;
    this.unfinished.delete(attempt);
    if (end === "broken") throw new Error("the line was cut");
  }
}

/** What a well-behaved relay answers to a request for a blob. */
export function served(blob: Uint8Array, ask: HttpAsk, pieceBytes = 50_000): Script {
  const range = /^bytes=(\d+)-(\d*)$/.exec(ask.headers.range ?? "");
  if (range === null) return { status: 200, pieces: pieced(blob, pieceBytes) };
  const [from, to] = [Number(range[1]), range[2] === "" ? blob.length : Number(range[2]) + 1];
  if (from >= blob.length) return { status: 416 };
  return { status: 206, pieces: pieced(blob.subarray(from, to), pieceBytes) };
}

/** Bytes in pieces of one size. */
export function* pieced(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
}
