/** Somebody who uploads without the SDK: a socket that asks for grants, and plain HTTP. */

import { type IncomingHttpHeaders, request } from "node:http";
import { blobIdOf, type FrameToClient, failureFromWire, fromHex, toHex } from "@sotto/protocol";
import { type RawSocket, registerRaw } from "../../server/raw-device.js";

/** An answer of the relay. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What is asked beside the path, which goes out as it is written. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Asks a relay once, on a connection of its own. */
export function ask(url: string, path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, path, method, headers: { ...headers }, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }),
      );
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

/** The headers of a part. */
export function partAt(offset: number): Record<string, string> {
  return {
    "tus-resumable": "1.0.0",
    "content-type": "application/offset+octet-stream",
    "upload-offset": String(offset),
  };
}

/** Where the blob of an upload is, by the upload's path or URL. */
export function blobPathOf(upload: string): string {
  return `/v1/blobs/${toHex(blobIdOf(fromHex(upload.slice(-32))))}`;
}

/** One user of a development relay. */
export class Uploader {
  private nextId = 1;

  private constructor(
    private readonly url: string,
    private readonly socket: RawSocket,
  ) {}

  /** Registers a user. */
  static async register(url: string, userId: string): Promise<Uploader> {
    const { socket, answer } = await registerRaw(url, { userId });
    if (answer.type !== "welcome") throw new Error(`not welcome: ${answer.type}`);
    return new Uploader(url, socket);
  }

  /** Asks for this many grants at once, and answers tokens in hex and the codes of failures. */
  async ask(bytes: number, times: number): Promise<{ readonly tokens: string[]; readonly failures: string[] }> {
    for (let time = 0; time < times; time++) this.socket.send({ type: "requestUpload", id: this.nextId++, bytes });
    const [tokens, failures]: [string[], string[]] = [[], []];
    while (tokens.length + failures.length < times) {
      const frame: FrameToClient = await this.socket.next();
      if (frame.type === "uploadGranted") tokens.push(toHex(frame.token));
      if (frame.type === "failed") failures.push(`${failureFromWire(frame.failure)}`);
    }
    return { tokens, failures };
  }

  /** A token for so many bytes. */
  async token(bytes: number): Promise<string> {
    const { tokens, failures } = await this.ask(bytes, 1);
    if (tokens[0] === undefined) throw new Error(`not granted: ${failures[0]}`);
    return tokens[0];
  }

  /** Tries to begin an upload. */
  begin(token: string, bytes: number): Promise<Answer> {
    const headers = { "tus-resumable": "1.0.0", authorization: `Bearer ${token}`, "upload-length": String(bytes) };
    return ask(this.url, "/v1/uploads", { method: "POST", headers });
  }

  /** The path of an upload that was begun. */
  async begun(bytes: number): Promise<string> {
    const { status, headers } = await this.begin(await this.token(bytes), bytes);
    if (status !== 201 || headers.location === undefined) throw new Error(`not begun: ${status}`);
    return headers.location;
  }

  /** Sends a part. */
  part(upload: string, offset: number, body: Uint8Array): Promise<Answer> {
    return ask(this.url, upload, { method: "PATCH", headers: partAt(offset), body });
  }

  /** How much of an upload is on the relay's disk. */
  async offset(upload: string): Promise<number> {
    const { headers } = await ask(this.url, upload, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
    return Number(headers["upload-offset"]);
  }

  close(): void {
    this.socket.close();
  }
}
