import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../../server/ports.js";
import { chooseTransport } from "../../../server/transport/index.js";
import { loadUws, thisMachine, type UwsEnvironment } from "../../../server/transport/load-uws.js";

interface Line {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number | boolean>> | undefined;
}

function recordingLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const log: Log = {
    info: (event, fields) => lines.push({ level: "info", event, fields }),
    warn: (event, fields) => lines.push({ level: "warn", event, fields }),
    error: (event, _cause, fields) => lines.push({ level: "error", event, fields }),
  };
  return { log, lines };
}

const folders: string[] = [];

/** A folder of packages, each with the code of its index.js, and how to load from it. */
async function packages(code: Readonly<Record<string, string>>): Promise<(name: string) => unknown> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-transport-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(code)) {
    const home = join(folder, "node_modules", name);
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "index.js"), text);
    await writeFile(join(home, "uws.node"), "not a binary");
  }
  return createRequire(join(folder, "main.js"));
}

const MACHINE = { platform: "linux", arch: "x64", nodeMajor: "20" };
const WORKING =
  "module.exports = { App() {}, us_listen_socket_close() {}, us_socket_local_port() {}, DISABLED: 0, LIBUS_LISTEN_EXCLUSIVE_PORT: 1 };";

async function machine(code: Readonly<Record<string, string>>): Promise<UwsEnvironment> {
  return { ...MACHINE, load: await packages(code) };
}

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

describe("choosing the transport", () => {
  it("takes the registry's binary for this platform and Node", async () => {
    const { log, lines } = recordingLog();
    const environment = await machine({ "@uwsjs/linux-x64-20": WORKING });
    expect((await chooseTransport({ log, environment })).name).toBe("uWebSockets.js");
    const reason = "@uwsjs/linux-x64-20 fits this machine";
    expect(lines).toEqual([
      { level: "info", event: "transportChosen", fields: { transport: "uWebSockets.js", reason } },
    ]);
  });

  it("takes the operator's own uWebSockets.js where that binary is missing", async () => {
    const { log, lines } = recordingLog();
    const environment = await machine({ "@uwsjs/linux-x64-22": WORKING, "uWebSockets.js": WORKING });
    expect((await chooseTransport({ log, environment })).name).toBe("uWebSockets.js");
    expect(lines[0]?.fields?.reason).toBe("uWebSockets.js fits this machine");
  });

  it("falls back to the portable transport with one warning that names every reason", async () => {
    const { log, lines } = recordingLog();
    const transport = await chooseTransport({ log, environment: await machine({}) });
    expect(transport.name).toBe("node:http + ws");
    const reason = "@uwsjs/linux-x64-20 is not installed; uWebSockets.js is not installed";
    expect(lines).toEqual([{ level: "warn", event: "transportChosen", fields: { transport: transport.name, reason } }]);
  });

  it("falls back when the binary is there and does not load", async () => {
    const { log, lines } = recordingLog();
    const environment = await machine({ "@uwsjs/linux-x64-20": 'module.exports = require("./uws.node");' });
    expect((await chooseTransport({ log, environment })).name).toBe("node:http + ws");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.fields?.reason).toMatch(/^@uwsjs\/linux-x64-20 does not load: .*uws\.node.*; uWebSockets\.js is/);
  });

  it("says which glibc a binary needs", async () => {
    const code = 'throw new Error("/lib/libm.so.6: version `GLIBC_2.38\' not found (required by uws.node)");';
    const lookup = loadUws(await machine({ "@uwsjs/linux-x64-20": code }));
    expect(lookup).toMatchObject({ kind: "absent", reason: expect.stringContaining("needs glibc 2.38 or newer") });
  });

  it("does not take a package of that name which is something else", async () => {
    const lookup = loadUws(await machine({ "uWebSockets.js": "module.exports = { App() {} };" }));
    expect(lookup).toMatchObject({
      kind: "absent",
      reason: expect.stringContaining("not a version of uWebSockets.js"),
    });
  });

  it("does what it is told: portable on request, and no start without uWebSockets.js if that was asked for", async () => {
    const { log, lines } = recordingLog();
    const environment = await machine({ "@uwsjs/linux-x64-20": WORKING });
    expect((await chooseTransport({ log, environment, preference: "portable" })).name).toBe("node:http + ws");
    expect(lines.map(({ level }) => level)).toEqual(["info"]);
    const bare = await machine({});
    await expect(chooseTransport({ log, environment: bare, preference: "uws" })).rejects.toThrow(/is not installed/);
  });

  it("finds on this machine what is installed here", () => {
    const { platform, arch, nodeMajor } = thisMachine();
    const lookup = loadUws();
    if (lookup.kind === "found") expect(lookup.from).toMatch(/^(@uwsjs\/.+-\d+|uWebSockets\.js)$/);
    else expect(lookup.reason).toContain(`@uwsjs/${platform}-${arch}-${nodeMajor}`);
  });
});
