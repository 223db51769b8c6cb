import { SottoError, sealedAttachmentSize } from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UploadProgress } from "../../../../sdk/core/attachments/attachment.js";
import { openBlob, sealBlob } from "../../../support/attachments/independent.js";
import { bytesOf, sourceOf, Uploader } from "./upload-fixture.js";
import { EXPIRES_MS } from "./upload-relay.js";

let uploader: Uploader;
beforeEach(async () => {
  uploader = new Uploader();
  await uploader.live();
});
afterEach(() => uploader.close());

describe("an upload", () => {
  it.each([0, 1, 4_096, 65_535, 65_536, 65_537, 131_072, 3_000_000])(
    "of %d bytes is what the format says",
    async (size) => {
      const bytes = bytesOf(size);
      const attachment = await uploader.attachments.upload(bytes);
      expect(attachment).toMatchObject({ sizeBytes: size, media: "file", mime: "application/octet-stream" });
      expect(attachment.expiresMs).toBe(EXPIRES_MS);
      const blob = uploader.relay.blob(attachment.id) ?? Buffer.alloc(0);
      expect(blob.equals(sealBlob(attachment.key, bytes))).toBe(true);
      expect(openBlob(blob, attachment).isWhole).toBe(true);
      expect(uploader.relay.granted).toEqual([sealedAttachmentSize(size)]);
    },
  );

  it("tells its progress in bytes of the file, never backwards, to the end", async () => {
    for (const size of [0, 1, 5_000_000]) {
      const told: UploadProgress[] = [];
      await uploader.attachments.upload(bytesOf(size), { onProgress: (progress) => told.push(progress) });
      expect(told.at(-1)).toEqual({ sentBytes: size, totalBytes: size });
      expect(told.map(({ sentBytes }) => sentBytes)).toEqual(
        [...new Set(told.map(({ sentBytes }) => sentBytes))].sort((one, other) => one - other),
      );
      if (size > 4_000_000) expect(told.length).toBeGreaterThan(2);
    }
  });

  it("outlives a progress bar that throws", async () => {
    const onProgress = () => {
      throw new Error("a bug of the app's");
    };
    await uploader.attachments.upload(bytesOf(10), { onProgress });
    expect(uploader.warned).toContain("listener failed");
  });

  it("says neither name nor type nor account to the relay, and carries no cookie", async () => {
    const options = { name: "secret-plans.pdf", mime: "application/pdf" };
    const attachment = await uploader.attachments.upload(bytesOf(100), options);
    expect(attachment).toMatchObject(options);
    const said = JSON.stringify(uploader.relay.asks.map(({ url, headers }) => ({ url, headers })));
    expect(said).not.toMatch(/secret|pdf|cookie|user-agent|metadata/i);
    const names = new Set(uploader.relay.asks.flatMap(({ headers }) => Object.keys(headers)));
    expect([...names].sort()).toEqual([
      "authorization",
      "content-type",
      "tus-resumable",
      "upload-length",
      "upload-offset",
    ]);
  });

  it("waits over lost lines, lost answers and a relay that is busy", async () => {
    const bytes = bytesOf(3_000_000);
    uploader.relay.fate = ({ method }, number) => {
      if (method === "POST" && number === 1) return { kind: "unreachable" };
      if (method === "POST" && number === 2) return { kind: "lost" };
      if (method === "HEAD" && number === 1) return { kind: "answered", status: 503, headers: { "retry-after": "1" } };
      if (method !== "PATCH") return { kind: "served" };
      if (number === 1) return { kind: "cut", keep: 100_001 };
      if (number === 3) return { kind: "lost" };
      if (number === 4) return { kind: "answered", status: 423 };
      return { kind: "served" };
    };
    const attachment = await uploader.attachments.upload(bytes);
    expect(uploader.relay.blob(attachment.id)?.equals(sealBlob(attachment.key, bytes))).toBe(true);
    expect(uploader.watched.keys.size).toBe(1);
  });

  it("asks for leave anew when its token was spent by a creation whose answer was lost", async () => {
    uploader.relay.fate = ({ method }, number) =>
      method === "POST" && number === 1 ? { kind: "lost" } : { kind: "served" };
    await uploader.attachments.upload(bytesOf(1));
    expect(uploader.relay.granted.length).toBe(2);
  });

  it("gives up with `offline` after two minutes without progress, and goes on at the next call", async () => {
    const bytes = bytesOf(3_000_000);
    uploader.relay.fate = ({ method }, number) =>
      method === "PATCH" && number > 1 ? { kind: "unreachable" } : { kind: "served" };
    const began = uploader.clock.now();
    await expect(uploader.attachments.upload(bytes)).rejects.toMatchObject({ code: "offline", retryable: true });
    expect(uploader.clock.now() - began).toBeLessThan(130_000);
    const [pending] = await uploader.attachments.pending();
    expect(pending?.sentBytes).toBe(1_048_576);
    uploader.relay.fate = () => ({ kind: "served" });
    await uploader.attachments.upload(bytes);
    expect(uploader.relay.granted.length).toBe(1);
    expect(await uploader.attachments.pending()).toEqual([]);
  });

  it.each(["uploadQuota", "tooLarge"] as const)("rejects with %s at once if the relay gives no leave", async (code) => {
    uploader.relay.link.request = () => Promise.reject(new SottoError(code));
    await expect(uploader.attachments.upload(bytesOf(1))).rejects.toMatchObject({ code });
    expect(uploader.relay.asks).toEqual([]);
  });

  it("rejects with tooLarge what no attachment is, before anybody is asked", async () => {
    const source = { ...sourceOf(bytesOf(1)), sizeBytes: 2 ** 32 + 1 };
    const giant = new Uploader(async () => source);
    await giant.live();
    await expect(giant.attachments.upload("giant.bin")).rejects.toMatchObject({ code: "tooLarge" });
    expect(giant.relay.granted).toEqual([]);
    await giant.close();
  });

  it("begins anew, under a fresh key, when the relay lets go of it on its way", async () => {
    const bytes = bytesOf(3_000_000);
    uploader.relay.fate = ({ method }, number) => {
      if (method === "PATCH" && number === 2) uploader.relay.uploads.clear();
      return { kind: "served" };
    };
    const attachment = await uploader.attachments.upload(bytes);
    expect(uploader.relay.blob(attachment.id)?.equals(sealBlob(attachment.key, bytes))).toBe(true);
    expect(uploader.watched.keys.size).toBe(2);
    expect(uploader.watched.reused).toEqual([]);
  });
});
