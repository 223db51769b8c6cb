/**
 * Leaves some of a disk free for those who share it: above all for the relay's own store, which stops for good at the first
 * write for which there is no room. Whoever uploads must not be able to end the messages.
 */

import { BlobError } from "../../ports.js";
import type { Disk, DiskFile } from "./disk.js";

/** Left free: enough for the store to go on for a while, and for somebody to hear of it. */
const LEFT_FREE_BYTES = 256 * 1024 * 1024;
/** Written before the disk is asked again; by so much at most less is left free. */
const ASKED_EVERY_BYTES = 16 * 1024 * 1024;

/** A disk on which blobs and what is in them find no room while no more is free; reading, deleting and their journals go on. */
export function leavingRoom(disk: Disk, freeBytes: () => Promise<number>, leftFreeBytes = LEFT_FREE_BYTES): Disk {
  const room = new Room(freeBytes, leftFreeBytes);

  async function open(path: string, how: "read" | "write"): Promise<DiskFile | undefined>;
  async function open(path: string, how: "make" | "empty"): Promise<DiskFile>;
  async function open(path: string, how: "read" | "write" | "make" | "empty"): Promise<DiskFile | undefined> {
    if (how === "read" || how === "write") return disk.open(path, how);
    const file = await disk.open(path, how);
    // What lies in the folder itself is a few bytes that every start needs.
    return path.includes("/") ? within(room, file) : file;
  }

  return { ...disk, open };
}

function within(room: Room, file: DiskFile): DiskFile {
  return {
    ...file,
    async write(bytes, position) {
      await room.take(bytes.length);
      await file.write(bytes, position);
    },
  };
}

/** What may still be written, as far as it is known. */
class Room {
  #leftBytes = 0;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly freeBytes: () => Promise<number>,
    private readonly leftFreeBytes: number,
  ) {}

  /** @throws BlobError full */
  async take(bytes: number): Promise<void> {
    while (this.#leftBytes < bytes) {
      this.#asking ??= this.#ask(bytes).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    this.#leftBytes -= bytes;
  }

  async #ask(bytes: number): Promise<void> {
    const roomBytes = (await this.freeBytes()) - this.leftFreeBytes;
    if (roomBytes < bytes) throw new BlobError("full", "The disk has only the room left that is kept free.");
    this.#leftBytes = Math.min(roomBytes, Math.max(bytes, ASKED_EVERY_BYTES));
  }
}
