/** An ordinary tus client at a relay that is killed in the middle, and ordinary downloads of what it uploaded. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Upload } from "tus-js-client";
import { afterAll, expect, it } from "vitest";
import { RelayProcess } from "../../support/crash/relay-process.js";
import { blobPathOf, Uploader } from "./relay-uploader.js";

const MIB = 1_048_576;
const SIZE = 20 * MIB + 4_711;

const endings: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of endings) await end();
});

async function startRelay(transport: "uws" | "portable"): Promise<RelayProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-tus-"));
  const relay = await RelayProcess.start(folder, undefined, { TRANSPORT: transport });
  endings.push(async () => {
    await relay.kill();
    await rm(folder, { recursive: true, force: true });
  });
  return relay;
}

/** A tus client and what it asked, in order. `run` resolves when it is done, paused or failed. */
function tusClient(relay: RelayProcess, token: string, content: Buffer) {
  const asked: string[] = [];
  let ended: (how: "done" | "paused" | "failed") => void = () => undefined;
  const onChunk: { do: (accepted: number) => void } = { do: () => undefined };
  const upload = new Upload(content, {
    endpoint: `${relay.url}/v1/uploads`,
    headers: { Authorization: `Bearer ${token}` },
    chunkSize: 4 * MIB,
    retryDelays: null,
    onBeforeRequest: (request) => {
      const offset = request.getHeader("Upload-Offset");
      asked.push(offset === undefined ? request.getMethod() : `${request.getMethod()} ${offset}`);
    },
    onChunkComplete: (_size, accepted) => onChunk.do(accepted),
    onError: () => ended("failed"),
    onSuccess: () => ended("done"),
  });
  const run = (untilBytes: number, stop: () => "paused" | "killed") =>
    new Promise<string>((resolve) => {
      ended = resolve;
      onChunk.do = (accepted) => {
        if (accepted >= untilBytes && stop() === "paused") resolve("paused");
      };
      upload.start();
    });
  return { upload, asked, run };
}

it.concurrent.each(["uws", "portable"] as const)(
  "a tus client pauses, loses its relay on %s, goes on where it was, and what it sent is there byte by byte",
  async (transport) => {
    const relay = await startRelay(transport);
    const content = randomBytes(SIZE);
    const alice = await Uploader.register(relay.url, "alice");
    const { upload, asked, run } = tusClient(relay, await alice.token(SIZE), content);

    const pause = () => {
      void upload.abort();
      return "paused" as const;
    };
    expect(await run(4 * MIB, pause)).toBe("paused");
    let killed: Promise<void> | undefined;
    const kill = () => {
      killed ??= relay.kill();
      return "killed" as const;
    };
    expect(await run(12 * MIB, kill)).toBe("failed");
    expect(killed).toBeDefined();
    await killed;
    await relay.restart();
    const before = asked.length;
    expect(await run(Number.POSITIVE_INFINITY, kill)).toBe("done");

    expect(asked.filter((one) => one === "POST")).toHaveLength(1);
    expect(asked[before]).toBe("HEAD");
    expect(Number(asked[before + 1]?.split(" ")[1])).toBeGreaterThanOrEqual(12 * MIB);

    const blob = `${relay.url}${blobPathOf(upload.url ?? "")}`;
    const whole = Buffer.from(await (await fetch(blob)).arrayBuffer());
    expect(whole.equals(content)).toBe(true);
    const parts = await Promise.all(
      [0, 1, 2].map(async (part) => {
        const [from, to] = [Math.floor((part * SIZE) / 3), Math.floor(((part + 1) * SIZE) / 3)];
        const answer = await fetch(blob, { headers: { range: `bytes=${from}-${to - 1}` } });
        expect(answer.status).toBe(206);
        return Buffer.from(await answer.arrayBuffer());
      }),
    );
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  },
);
