/**
 * A disk in memory that loses power. Of what was not synced a crash keeps what chance decides: some of the writes, some of
 * them torn at a sector, some of the names, in no order. A sync that fails forgets what it should have written, as Linux
 * does: it can still be read, and no later sync writes it.
 */

import type { Disk, DiskFile } from "../../../server/blobs/disk/disk.js";
import { BlobError } from "../../../server/ports.js";
import type { SeededRandom } from "../../support/crash/seeded-random.js";

const SECTOR_BYTES = 512;

type Change =
  | { readonly kind: "write"; readonly bytes: Buffer; readonly position: number }
  | { readonly kind: "truncate"; readonly lengthBytes: number };

class Inode {
  seen: Buffer;
  onDisk: Buffer;
  unsynced: Change[] = [];

  constructor(content: Buffer) {
    this.seen = content;
    this.onDisk = content;
  }
}

/** A name that comes, goes (`inode` is absent), or comes in the place of another one. */
interface NameChange {
  readonly name: string;
  readonly inode: Inode | undefined;
  readonly former?: string;
}

class Names {
  seen: Map<string, Inode>;
  onDisk: Map<string, Inode>;
  unsynced: NameChange[] = [];

  constructor(names: ReadonlyMap<string, Inode>) {
    this.seen = new Map(names);
    this.onDisk = new Map(names);
  }
}

/** What keeps unsynced changes: chance, or a fixed answer. */
export type Survival = SeededRandom | "nothing" | "everything";
/** What a disk only pretends to do. */
export type Lie = "syncsFiles" | "syncsFolders";

/** A disk with a power switch. */
export class CrashDisk implements Disk {
  /** Changes and syncs that were asked for. */
  operations = 0;
  readonly #folders: Map<string, Names>;
  readonly #lie: Lie | undefined;
  #powerFor = Number.POSITIVE_INFINITY;
  #failsAt = Number.POSITIVE_INFINITY;
  #held: { in: number; readonly released: Promise<void> } | undefined;

  constructor(lie?: Lie, folders: ReadonlyMap<string, Names> = new Map([["", new Names(new Map())]])) {
    this.#lie = lie;
    this.#folders = new Map(folders);
  }

  /** Lets so many more operations through; then nothing works any more. */
  losePowerAfter(operations: number): void {
    this.#powerFor = this.operations + operations;
  }

  /** Lets the operation fail that comes after so many more. */
  failAfter(operations: number): void {
    this.#failsAt = this.operations + operations + 1;
  }

  /** Lets the sync with this number, counted from now, wait until the answered function is called. */
  holdSync(number: number): () => void {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held = { in: number, released };
    return release;
  }

  /** The disk as a killed process leaves it: everything is there, and no more of it synced than before. */
  afterKill(): CrashDisk {
    this.#powerFor = 0;
    return new CrashDisk(this.#lie, this.#folders);
  }

  /** The disk as it comes back when the power does. */
  afterCrash(survival: Survival): CrashDisk {
    const inodes = new Map<Inode, Inode>();
    const folders = [...this.#folders].map(([folder, names]): [string, Names] => {
      const kept = new Map(names.onDisk);
      for (const { name, inode, former } of names.unsynced.filter(() => survives(survival))) {
        if (former !== undefined) kept.delete(former);
        if (inode === undefined) kept.delete(name);
        else kept.set(name, inode);
      }
      for (const [name, inode] of kept) {
        const restored = inodes.get(inode) ?? new Inode(contentAfter(inode, survival));
        inodes.set(inode, restored);
        kept.set(name, restored);
      }
      return [folder, new Names(kept)];
    });
    return new CrashDisk(this.#lie, new Map(folders));
  }

  async prepare(): Promise<void> {}

  async makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    this.#operate();
    this.#folders.set(folder, new Names(new Map()));
  }

  async list(folder: string) {
    const folders = folder === "" ? [...this.#folders.keys()].filter((name) => name !== "") : [];
    return { folders, files: [...this.#names(folder).seen.keys()] };
  }

  async open(path: string, how: "read" | "write"): Promise<DiskFile | undefined>;
  async open(path: string, how: "make" | "empty"): Promise<DiskFile>;
  async open(path: string, how: "read" | "write" | "make" | "empty"): Promise<DiskFile | undefined> {
    const { names, name } = this.#at(path);
    let inode = names.seen.get(name);
    if (inode === undefined) {
      if (how === "read" || how === "write") return undefined;
      this.#operate();
      inode = new Inode(Buffer.alloc(0));
      names.seen.set(name, inode);
      names.unsynced.push({ name, inode });
    } else if (how === "empty") this.#change(inode, { kind: "truncate", lengthBytes: 0 });
    return this.#file(inode);
  }

  async peek(path: string, into: Uint8Array): Promise<number | undefined> {
    return (await this.open(path, "read"))?.read(into, 0);
  }

  async sizeOf(path: string): Promise<number | undefined> {
    const { names, name } = this.#at(path);
    return names.seen.get(name)?.seen.length;
  }

  async rename(from: string, to: string): Promise<boolean> {
    const { names, name: former } = this.#at(from);
    const { name } = this.#at(to);
    const inode = names.seen.get(former);
    if (inode === undefined) return false;
    this.#operate();
    names.seen.delete(former);
    names.seen.set(name, inode);
    names.unsynced.push({ name, inode, former });
    return true;
  }

  async remove(path: string): Promise<boolean> {
    const { names, name } = this.#at(path);
    if (!names.seen.has(name)) return false;
    this.#operate();
    names.seen.delete(name);
    names.unsynced.push({ name, inode: undefined });
    return true;
  }

  async syncFolder(folder: string): Promise<void> {
    this.#operate();
    const names = this.#folders.get(folder);
    if (names === undefined || this.#lie === "syncsFolders") return;
    names.onDisk = new Map(names.seen);
    names.unsynced = [];
  }

  #file(inode: Inode): DiskFile {
    return {
      read: async (into, position) => inode.seen.copy(into, 0, position),
      write: async (bytes, position) => this.#change(inode, { kind: "write", bytes: Buffer.from(bytes), position }),
      size: async () => inode.seen.length,
      truncate: async (lengthBytes) => this.#change(inode, { kind: "truncate", lengthBytes }),
      sync: async () => {
        if (this.#held !== undefined) {
          this.#held.in -= 1;
          if (this.#held.in === 0) await this.#held.released;
        }
        const { unsynced } = inode;
        if (this.operations + 1 === this.#failsAt) inode.unsynced = [];
        this.#operate();
        if (this.#lie === "syncsFiles") return;
        inode.onDisk = unsynced.reduce(applied, inode.onDisk);
        inode.unsynced = [];
      },
      close: async () => {},
    };
  }

  #change(inode: Inode, change: Change): void {
    this.#operate();
    inode.seen = applied(inode.seen, change);
    inode.unsynced.push(change);
  }

  #operate(): void {
    if (this.operations >= this.#powerFor) throw new BlobError("unavailable", "There is no power.");
    this.operations += 1;
    if (this.operations === this.#failsAt) throw new BlobError("unavailable", "The disk had a bad moment.");
  }

  #names(folder: string): Names {
    return this.#folders.get(folder) ?? new Names(new Map());
  }

  #at(path: string): { readonly names: Names; readonly name: string } {
    const [first = "", second] = path.split("/");
    return second === undefined ? { names: this.#names(""), name: first } : { names: this.#names(first), name: second };
  }
}

function survives(survival: Survival): boolean {
  if (typeof survival === "string") return survival === "everything";
  return survival.below(2) === 0;
}

function contentAfter({ onDisk, unsynced }: Inode, survival: Survival): Buffer {
  const kept = unsynced.filter(() => survives(survival)).map((change) => torn(change, survival));
  return kept.reduce(applied, Buffer.from(onDisk));
}

/** Some of the sectors of a write, now and then. */
function torn(change: Change, survival: Survival): Change {
  if (change.kind !== "write" || typeof survival === "string" || survival.below(3) > 0) return change;
  const { bytes, position } = change;
  const sectors = Math.floor((position + bytes.length) / SECTOR_BYTES) - Math.floor(position / SECTOR_BYTES);
  const end = (Math.floor(position / SECTOR_BYTES) + survival.below(sectors + 1)) * SECTOR_BYTES - position;
  return { ...change, bytes: bytes.subarray(0, Math.max(0, end)) };
}

function applied(content: Buffer, change: Change): Buffer {
  const end = change.kind === "write" ? change.position + change.bytes.length : change.lengthBytes;
  if (change.kind === "truncate" && end <= content.length) return Buffer.from(content.subarray(0, end));
  const grown = Buffer.alloc(Math.max(content.length, end));
  content.copy(grown);
  if (change.kind === "write") change.bytes.copy(grown, change.position);
  return grown;
}
