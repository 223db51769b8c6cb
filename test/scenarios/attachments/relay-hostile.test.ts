/** What strangers and greedy members do to the attachments of a real relay, on real sockets and a real disk. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../../server/ops/log.js";
import { World } from "../../support/world.js";
import { type Answer, ask, blobPathOf, partAt, Uploader } from "./relay-uploader.js";

const SIZE = 300_000;
const KIB = 1_024;
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort();

describe.each(["uws", "portable"] as const)("the attachments of a relay on %s", (transport) => {
  const lines: string[] = [];
  let world: World;
  let alice: Uploader;

  beforeAll(async () => {
    const log = createLog({ level: "info", format: "json", write: (line) => void lines.push(line) });
    world = await World.open({ transport }, log);
    alice = await Uploader.register(world.url, "alice");
  });
  afterAll(async () => {
    alice.close();
    await world.close();
  });

  it("are begun by who has a token and by nobody else, and once, of twenty at the same time", async () => {
    expect((await alice.begin("0".repeat(32), SIZE)).status).toBe(401);
    const token = await alice.token(SIZE);
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.begin(token, SIZE)));
    expect(statuses(answers)).toEqual([201, ...Array(19).fill(401)]);
  });

  it("take no byte at a wrong place, none too many, and none when they are whole", async () => {
    const upload = await alice.begun(SIZE);
    const content = randomBytes(SIZE);
    expect((await alice.part(upload, 1, content.subarray(1))).status).toBe(409);
    expect((await alice.part(upload, 0, Buffer.concat([content, content]))).status).toBe(413);
    expect(await alice.offset(upload)).toBe(0);
    expect((await alice.part(upload, 0, content)).status).toBe(204);
    expect((await alice.part(upload, 0, randomBytes(SIZE))).status).toBe(409);
    expect((await alice.part(upload, SIZE, randomBytes(10))).status).toBe(413);
    expect((await ask(world.url, blobPathOf(upload))).body.equals(content)).toBe(true);
  });

  it("keep of two writers at one place the bytes of one", async () => {
    const upload = await alice.begun(SIZE);
    const contents = [randomBytes(SIZE), randomBytes(SIZE), randomBytes(SIZE)];
    const answers = await Promise.all(contents.map((content) => alice.part(upload, 0, content)));
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    for (const { status } of answers) expect([204, 409, 423]).toContain(status);
    const { body } = await ask(world.url, blobPathOf(upload));
    expect(contents.filter((content) => content.equals(body))).toHaveLength(1);
  });

  it("keep what came of a part whose sender went", async () => {
    const upload = await alice.begun(SIZE);
    const content = randomBytes(SIZE);
    const { port } = new URL(world.url);
    const socket = connect(Number(port), "localhost");
    await once(socket, "connect");
    const headers = Object.entries({ host: "x", ...partAt(0), "content-length": String(SIZE) });
    socket.write(`PATCH ${upload} HTTP/1.1\r\n${headers.map((header) => header.join(": ")).join("\r\n")}\r\n\r\n`);
    socket.write(content.subarray(0, 200_000), () => socket.end());
    await once(socket.resume(), "close");
    await expect.poll(() => alice.offset(upload), { timeout: 10_000 }).toBe(200_000);
    expect((await alice.part(upload, 200_000, content.subarray(200_000))).status).toBe(204);
    expect((await ask(world.url, blobPathOf(upload))).body.equals(content)).toBe(true);
  });

  it("are reached by no other name than their own, and no name is a path of the disk", async () => {
    let upload = await alice.begun(SIZE);
    // Digits alone have no upper case.
    while (!/[a-f]/.test(blobPathOf(upload).slice(-32))) upload = await alice.begun(SIZE);
    await alice.part(upload, 0, randomBytes(SIZE));
    const id = blobPathOf(upload).slice(-32);
    const names = [
      id.toUpperCase(),
      `${id}/`,
      `${id}.data`,
      `${id}%00`,
      `${id.slice(0, 2)}/${id}`,
      `%2e%2e%2f${id}`,
      "..%2f..%2fkeys",
      "../../keys",
      "..\\..\\keys",
      "a".repeat(3_000),
      "",
    ];
    for (const path of ["/v1/blobs/", "/v1/uploads/"]) {
      for (const name of names) {
        const answer = await ask(world.url, path + name, {
          method: path.includes("blobs") ? "GET" : "HEAD",
          headers: partAt(0),
        });
        expect(answer.status, path + name).toBe(404);
      }
    }
    expect((await readdir(join(world.folder, "relay"))).sort()).toEqual(["blobs", "desk", "keys", "store"]);
  });

  it("are inert in a browser, and nobody's to change who can only read them", async () => {
    const upload = await alice.begun(SIZE);
    const page = Buffer.alloc(SIZE, "<script>alert(1)</script>");
    await alice.part(upload, 0, page);
    const { headers } = await ask(world.url, blobPathOf(upload));
    expect(headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("sandbox"),
    });
    const asUpload = blobPathOf(upload).replace("blobs", "uploads");
    for (const method of ["PATCH", "DELETE"]) {
      expect((await ask(world.url, asUpload, { method, headers: partAt(0) })).status).toBe(404);
      expect((await ask(world.url, blobPathOf(upload), { method, headers: partAt(0) })).status).toBe(405);
    }
    expect((await ask(world.url, blobPathOf(upload))).body.equals(page)).toBe(true);
  });

  it("leave no id, token, address or user in what the relay says", async () => {
    const token = await alice.token(SIZE);
    const upload = (await alice.begin(token, SIZE)).headers.location ?? "";
    await alice.part(upload, 0, randomBytes(SIZE));
    await ask(world.url, blobPathOf(upload), { headers: { range: "bytes=0-10" } });
    await ask(world.url, blobPathOf(upload), { headers: { range: `bytes=${SIZE}-` } });
    const metrics = (await ask(world.url, "/metrics")).body.toString();
    expect(metrics).toContain('sotto_uploads_total{outcome="completed"}');
    expect(metrics).toContain("sotto_blob_bytes ");
    for (const secret of [token, upload.slice(-32), blobPathOf(upload).slice(-32), "alice"]) {
      expect(metrics).not.toContain(secret);
      expect(lines.join("")).not.toContain(secret);
    }
    expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});

describe.each(["uws", "portable"] as const)("a small relay on %s", (transport) => {
  let world: World;

  beforeAll(async () => {
    const room = { attachmentBytes: 256 * KIB, attachmentQuota: 1_024 * KIB, attachmentFolderBytes: 1_536 * KIB };
    world = await World.open({ transport, ...room });
  });
  afterAll(() => world.close());

  it("grants an account its quota to the byte, of 64 wishes at once, and all together what its folder holds", async () => {
    const alice = await Uploader.register(world.url, "alice");
    const { tokens, failures } = await alice.ask(128 * KIB, 64);
    expect([tokens.length, new Set(failures)]).toEqual([8, new Set(["uploadQuota"])]);
    for (const token of tokens) expect((await alice.begin(token, 128 * KIB)).status).toBe(201);

    const bob = await Uploader.register(world.url, "bob");
    const more = await bob.ask(128 * KIB, 5);
    expect(more.failures).toEqual([]);
    const answers = await Promise.all(more.tokens.map((token) => bob.begin(token, 128 * KIB)));
    expect(statuses(answers)).toEqual([201, 201, 201, 201, 507]);
    expect((await bob.ask(128 * KIB, 1)).failures).toEqual(["busy"]);

    const [first] = answers.flatMap(({ headers }) => headers.location ?? []);
    await ask(world.url, first ?? "", { method: "DELETE", headers: { "tus-resumable": "1.0.0" } });
    const again = await Promise.all(more.tokens.map((token) => bob.begin(token, 128 * KIB)));
    expect(statuses(again)).toEqual([201, 401, 401, 401, 401]);
    alice.close();
    bob.close();
  });
});
