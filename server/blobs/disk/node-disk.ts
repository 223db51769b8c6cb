/** The file system of this machine, through node:fs. */

import { close as closeDescriptor, constants, open as openDescriptor, read as readDescriptor } from "node:fs";
import { chmod, type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BlobError } from "../../ports.js";
import { type Disk, type DiskFile, diskError } from "./disk.js";

/** Windows has no such flag; there the folder's access list must do. */
const NO_LINKS = constants.O_NOFOLLOW ?? 0;
const FLAGS = {
  read: constants.O_RDONLY | NO_LINKS,
  write: constants.O_RDWR | NO_LINKS,
  make: constants.O_RDWR | constants.O_CREAT | NO_LINKS,
  empty: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | NO_LINKS,
} as const;

/** A folder of this machine. Nothing is touched before `prepare`. */
export function nodeDisk(root: string): Disk {
  const at = (path: string) => join(root, path);
  const made = new Set<string>();

  async function openFile(path: string, how: "read" | "write"): Promise<DiskFile | undefined>;
  async function openFile(path: string, how: "make" | "empty"): Promise<DiskFile>;
  async function openFile(path: string, how: keyof typeof FLAGS): Promise<DiskFile | undefined> {
    const creates = how === "make" || how === "empty";
    const opened = open(at(path), FLAGS[how], 0o600).then(nodeFile);
    if (!creates) return unlessMissing(opened, undefined);
    return typed(opened).catch((cause: unknown) => {
      // Somebody may have deleted the folder: the next one to need it makes it again.
      made.delete(dirname(path));
      throw cause;
    });
  }

  return {
    prepare: () => typed(prepare(root)),
    async makeFolder(folder) {
      if (made.has(folder)) return;
      await typed(makeFolder(root, at(folder)));
      made.add(folder);
    },
    list: (folder) => typed(list(at(folder))),
    open: openFile,
    peek: (path, into) => unlessMissing(peek(at(path), into), undefined),
    sizeOf: (path) =>
      unlessMissing(
        lstat(at(path)).then((found) => (found.isFile() ? found.size : undefined)),
        undefined,
      ),
    rename: (from, to) =>
      unlessMissing(
        rename(at(from), at(to)).then(() => true),
        false,
      ),
    remove: (path) =>
      unlessMissing(
        unlink(at(path)).then(() => true),
        false,
      ),
    syncFolder: (folder) => unlessMissing(syncFolder(at(folder)), undefined),
  };
}

/** Every failure as a `BlobError`. */
function typed<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch((cause: unknown) => Promise.reject(diskError(cause)));
}

/** ELOOP is what O_NOFOLLOW answers for a link: it is no file of ours. */
const MISSING: ReadonlySet<unknown> = new Set(["ENOENT", "ELOOP"]);

function unlessMissing<Result, Missing>(work: Promise<Result>, missing: Missing): Promise<Result | Missing> {
  return work.catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && MISSING.has(cause.code)) return missing;
    throw diskError(cause);
  });
}

function nodeFile(handle: FileHandle): DiskFile {
  let closed: Promise<void> | undefined;
  return {
    read: (into, position) => typed(readFully(handle, into, position)),
    write: (bytes, position) => typed(writeFully(handle, bytes, position)),
    size: () => typed(handle.stat().then(({ size }) => size)),
    truncate: (lengthBytes) => typed(handle.truncate(lengthBytes)),
    sync: () => typed(handle.datasync()),
    close() {
      closed ??= typed(handle.close());
      return closed;
    },
  };
}

async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** Through callbacks, which take a third of the time: at a start every journal is looked at. */
function peek(path: string, into: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    openDescriptor(path, FLAGS.read, (openFailure, descriptor) => {
      if (openFailure !== null) return reject(openFailure);
      readDescriptor(descriptor, into, 0, into.length, 0, (readFailure, bytesRead) => {
        closeDescriptor(descriptor, (closeFailure) => {
          const failure = readFailure ?? closeFailure;
          if (failure === null || failure === undefined) resolve(bytesRead);
          else reject(failure);
        });
      });
    });
  });
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function prepare(root: string): Promise<void> {
  const firstMade = await mkdir(root, { recursive: true, mode: 0o700 });
  await chmod(root, 0o700);
  await syncFolder(root);
  if (firstMade === undefined) return;
  for (let made = root; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === firstMade) return;
  }
}

async function makeFolder(root: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
    if (!(await lstat(folder)).isDirectory()) throw new BlobError("unavailable", `${folder} is no folder.`, { cause });
  }
  await syncFolder(root);
}

async function list(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  return { folders, files };
}

/** Puts a folder's own entries on disk. Windows cannot open folders and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, constants.O_RDONLY | NO_LINKS);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
