import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLevelRows } from "../../../server/desk/store/level-rows.js";
import { OperatorError } from "../../../server/ops/operator-error.js";
import { temporaryFolders } from "../ops/temporary-folder.js";

const newFolder = temporaryFolders();

it("has the rows of before when it is opened again", async () => {
  const folder = join(newFolder(), "rows");
  const first = await openLevelRows(folder);
  await first.write([{ key: "a/1", value: Uint8Array.of(7) }]);
  await first.close();
  const again = await openLevelRows(folder);
  expect([...((await again.get("a/1")) ?? [])]).toEqual([7]);
  await again.close();
});

it("says in one sentence that a desk is running", async () => {
  const folder = join(newFolder(), "rows");
  const first = await openLevelRows(folder);
  const second = await openLevelRows(folder).catch((cause: unknown) => cause);
  expect(second).toBeInstanceOf(OperatorError);
  expect(String(second)).toMatch(/A desk is running .* stop it first/);
  await first.close();
});

it("makes nothing where it is told to refuse what is missing", async () => {
  const folder = join(newFolder(), "rows");
  await expect(openLevelRows(folder, "refuse")).rejects.toBeInstanceOf(OperatorError);
  expect(existsSync(folder)).toBe(false);
});

it("leaves nothing of what was deleted or written over in its files once it is scrubbed, and everything else", async () => {
  const folder = join(newFolder(), "rows");
  const rows = await openLevelRows(folder);
  const secrets = Array.from({ length: 3 }, () => new Uint8Array(randomBytes(32)));
  const kept = new Uint8Array(randomBytes(32));
  const keys = secrets.map((value, at) => ({ key: `keys/${at}`, value }));
  await rows.write([...keys, { key: "keys/9", value: kept }, { key: "others/1", value: kept }]);
  expect(filesHold(folder, secrets[0] as Uint8Array)).toBe(true);
  // Into a file, and deleted from there; into the log, and deleted from there.
  await rows.scrub("keys/");
  await rows.write([{ key: "keys/0", value: undefined }]);
  await rows.write([{ key: "keys/1", value: Uint8Array.of(1) }]);
  await rows.write([{ key: "keys/2", value: secrets[2] as Uint8Array }]);
  await rows.write([{ key: "keys/2", value: undefined }]);
  await rows.scrub("keys/");
  expect(secrets.map((secret) => filesHold(folder, secret))).toEqual([false, false, false]);
  expect((await rows.list("keys/")).map(({ key }) => key)).toEqual(["keys/1", "keys/9"]);
  expect([...((await rows.get("others/1")) ?? [])]).toEqual([...kept]);
  await rows.close();
});

it("leaves nothing of what never got further than its log", async () => {
  const folder = join(newFolder(), "rows");
  const rows = await openLevelRows(folder);
  const secret = new Uint8Array(randomBytes(32));
  await rows.write([{ key: "keys/1", value: secret }]);
  await rows.write([{ key: "keys/1", value: undefined }]);
  await rows.scrub("keys/");
  expect(filesHold(folder, secret)).toBe(false);
  await rows.close();
});

/** Whether bytes lie anywhere in a folder's files. */
function filesHold(folder: string, bytes: Uint8Array): boolean {
  return readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(Buffer.from(bytes)));
}
