/** A small ext4 file system in a file, which can be shut down as a power cut would: without a flush of its log. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const VOLUME_BYTES = 96 * 1024 * 1024;
/** EXT4_IOC_SHUTDOWN is _IOR('X', 125, __u32); its argument 2 is EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h). */
const SHUTDOWN = `
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
start = time.monotonic_ns() // 1000
fcntl.ioctl(fd, 0x8004587d, struct.pack("I", 2))
print(start)
`;

/** A mounted volume. */
export interface Ext4Volume {
  /** Where it is mounted. */
  readonly folder: string;
  /**
   * From now on nothing reaches the volume, and what was not synced never will.
   *
   * Resolves to the moment just before, in µs of CLOCK_MONOTONIC. Only what was synced before it is safe: unlike the lost
   * power, ext4 lets its callers live, and a sync that is under way meets an aborted journal and may answer success.
   */
  cutPower(): Promise<number>;
  /** Mounts it again, as after a reboot. */
  powerOn(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Makes and mounts a volume.
 *
 * @throws Error with the reason where this machine does not allow it.
 */
export async function ext4Volume(): Promise<Ext4Volume> {
  const base = await mkdtemp(join(tmpdir(), "sotto-volume-"));
  const image = join(base, "image");
  const folder = join(base, "mounted");
  const mount = () => run("mount", ["-t", "ext4", "-o", "loop", image, folder]);
  const unmount = () => run("umount", [folder]);
  let isMounted = false;
  try {
    await mkdir(folder);
    await writeFile(image, "");
    await truncate(image, VOLUME_BYTES);
    await run("mkfs.ext4", ["-q", "-F", image]);
    await mount();
    isMounted = true;
  } catch (error) {
    await rm(base, { recursive: true, force: true });
    throw error;
  }
  return {
    folder,
    async cutPower() {
      const { stdout } = await run("python3", ["-c", SHUTDOWN, folder]);
      return Number.parseInt(stdout, 10);
    },
    async powerOn() {
      await unmount();
      isMounted = false;
      await mount();
      isMounted = true;
    },
    async dispose() {
      if (isMounted) await unmount();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Why this machine cannot cut the power of a volume; `undefined` if it can. */
export async function reasonAgainstVolumes(): Promise<string | undefined> {
  try {
    const volume = await ext4Volume();
    try {
      await volume.cutPower();
      return undefined;
    } finally {
      await volume.dispose();
    }
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
  }
}
