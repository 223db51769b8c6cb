/** The files of a run: where each comes from, how far it is, and whether what came is what was sent. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, writeContent } from "./content-of.js";
import { Course, type Resumptions } from "./course.js";
import type { KeptReference, UploadTask } from "./lines.js";
import type { PlannedFile } from "./plan.js";

/** One file on its way from one client to the other. */
export interface JudgedFile {
  task: UploadTask;
  /** The SHA-256 of what the source has now. */
  digest: string;
  reference: KeptReference | undefined;
  readonly up: Course;
  readonly down: Course;
  /** It was compared with what was sent. */
  isCompared: boolean;
}

/** What the files stand on. */
export interface FilesParts {
  readonly seed: number;
  readonly folder: string;
  readonly counts: Resumptions;
  wrong(what: string): void;
}

/** Makes the sources. */
export async function makeFiles(parts: FilesParts, planned: readonly PlannedFile[]): Promise<readonly JudgedFile[]> {
  const files: JudgedFile[] = [];
  await mkdir(join(parts.folder, "sources"));
  for (const [file, { sizeBytes, source }] of planned.entries()) {
    const path = join(parts.folder, "sources", `${file}`);
    const task: UploadTask = { seed: parts.seed, file, version: 0, sizeBytes, source, path };
    const digest = source === "path" ? await writeContent(task, path) : digestOf(task);
    const course = (way: "up" | "down") =>
      new Course(way, { name: `${file} (${sizeBytes} bytes, ${source})`, sizeBytes }, parts.counts, parts.wrong);
    files.push({ task, digest, reference: undefined, up: course("up"), down: course("down"), isCompared: false });
  }
  return files;
}

/** Puts other bytes into a source whose client is dead, so that its name, size and time stay as they were. */
export async function changeBehindBack(judged: JudgedFile): Promise<void> {
  const { path, version } = judged.task;
  const { atime, mtime } = await stat(path);
  judged.task = { ...judged.task, version: version + 1 };
  judged.digest = await writeContent(judged.task, path);
  await utimes(path, atime, mtime);
  judged.up.changes();
}

/** Compares what came with what was sent, and deletes both. */
export async function compare(judged: JudgedFile, path: string, wrong: (what: string) => void): Promise<void> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  const came = hash.digest("hex");
  if (came !== judged.digest) wrong(`file ${judged.task.file} is another one: ${came} instead of ${judged.digest}`);
  if (judged.reference?.digest !== judged.digest) wrong(`file ${judged.task.file} is said to be another one`);
  await rm(path);
  await rm(judged.task.path, { force: true });
  judged.isCompared = true;
}
