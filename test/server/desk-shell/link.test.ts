import { randomBytes } from "node:crypto";
import { accountIdFromBytes, encodeFrame, SottoError } from "@sotto/protocol";
import { type RunningRelay, settingsFrom, startRelay } from "@sotto/relay";
import { afterEach, expect, it } from "vitest";
import { signingKeyOf } from "../../../server/desk/index.js";
import { type DeskLink, openLink } from "../../../server/desk/link/relay-link.js";
import { firstRoot, namedRoot } from "../../../server/desk/link/root-pin.js";
import type { RelayEvents } from "../../../server/desk/ports.js";
import { systemClock, systemRandom } from "../../../server/ops/system.js";
import { freePort } from "../../support/free-port.js";
import { silentLog } from "../../support/world.js";
import { collectedLog } from "../ops/collected-log.js";
import { temporaryFolders } from "../ops/temporary-folder.js";
import { registerRaw } from "../raw-device.js";

const newFolder = temporaryFolders();
const deskKey = signingKeyOf(randomBytes(32));
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** A relay that knows a desk by its key. */
async function relayFor(key: Uint8Array, dataDir = newFolder(), port?: number): Promise<RunningRelay> {
  const settings = settingsFrom({ development: true, dataDir, port: port ?? (await freePort()), deskKey: key });
  const relay = await startRelay({ settings, log: silentLog });
  opened.push(relay);
  return relay;
}

interface Linked {
  readonly link: DeskLink;
  readonly log: ReturnType<typeof collectedLog>;
  readonly asks: Uint8Array[];
  /** Resolves when it was connected so often. */
  connected(times: number): Promise<void>;
}

/** A link that answers every ask with what was asked, turned round. */
function linked(relay: Pick<RunningRelay, "url">, checkRoot = firstRoot(`${newFolder()}/root.json`)): Linked {
  const log = collectedLog();
  const asks: Uint8Array[] = [];
  let times = 0;
  const waiting: { readonly times: number; readonly resolve: () => void }[] = [];
  const events: RelayEvents = {
    connected() {
      times += 1;
      for (const one of waiting) if (one.times <= times) one.resolve();
    },
    async asked(_account, _device, body) {
      asks.push(body.slice());
      return body.slice().reverse();
    },
    reportsWaiting() {},
  };
  const link = openLink({ clock: systemClock, random: systemRandom, log });
  opened.push(link);
  link.start({ url: `${relay.url.replace("http", "ws")}/v1`, keys: deskKey, checkRoot, events });
  const connected = (wanted: number) =>
    new Promise<void>((resolve) => {
      if (times >= wanted) resolve();
      else waiting.push({ times: wanted, resolve });
    });
  return { link, log, asks, connected };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (cause: unknown) => (cause instanceof SottoError ? cause.code : String(cause)),
  );

it("proves itself and is answered", async () => {
  const relay = await relayFor(deskKey.publicKey);
  const { link, connected } = linked(relay, namedRoot(relay.rootFingerprint));
  await connected(1);
  expect(link.isLive).toBe(true);
  expect((await link.stampKeys(0)).length).toBeGreaterThan(0);
  expect(await link.reports(0)).toEqual({ reports: [], more: false });
});

it("makes no proof for a relay with another root", async () => {
  const relay = await relayFor(deskKey.publicKey);
  const { link, log, asks } = linked(relay, namedRoot(`sha256:${"0".repeat(64)}`));
  await expect
    .poll(() => log.lines.map(({ event, fields }) => [event, fields.failure]))
    .toEqual([["deskLinkLost", "wrongRoot"]]);
  expect(link.isLive).toBe(false);
  expect(asks).toEqual([]);
});

it("takes the first root it sees and no other afterwards", async () => {
  const file = `${newFolder()}/root.json`;
  const check = firstRoot(file);
  const [one, other] = [new Uint8Array(33).fill(5), new Uint8Array(33).fill(6)];
  await check(one);
  await check(one);
  expect(await codeOf(firstRoot(file)(other))).toBe("wrongRoot");
  expect(await codeOf(check(one))).toBe("done");
});

it("says what to do where the relay does not know its key", async () => {
  const relay = await relayFor(signingKeyOf(randomBytes(32)).publicKey);
  const { link, log } = linked(relay);
  await expect.poll(() => log.lines.length).toBeGreaterThan(0);
  expect(log.lines[0]?.fields.remedy).toContain("SOTTO_DESK_KEY");
  expect(await codeOf(link.stampKeys(0))).toBe("offline");
});

it("comes back by itself after the relay was away, and rejects meanwhile", async () => {
  const [dataDir, port] = [newFolder(), await freePort()];
  const first = await relayFor(deskKey.publicKey, dataDir, port);
  const { link, connected } = linked(first);
  await connected(1);
  await first.close();
  await expect.poll(() => link.isLive).toBe(false);
  expect(await codeOf(link.stampKeys(0))).toBe("offline");
  await relayFor(deskKey.publicKey, dataDir, port);
  await connected(2);
  expect(await codeOf(link.stampKeys(0))).toBe("done");
});

it("answers what a device asks", async () => {
  const relay = await relayFor(deskKey.publicKey);
  const { connected, asks } = linked(relay);
  await connected(1);
  const { socket, answer } = await registerRaw(relay.url, { userId: "alice" });
  expect(answer.type).toBe("welcome");
  socket.sendBytes(encodeFrame({ type: "askDesk", id: 9, body: Uint8Array.of(1, 2, 3) }));
  let heard = await socket.next();
  while (heard.type !== "deskAnswer" && heard.type !== "failed") heard = await socket.next();
  expect(heard).toMatchObject({ type: "deskAnswer", id: 9, body: Uint8Array.of(3, 2, 1) });
  expect(asks.length).toBe(1);
  socket.close();
});

it("rejects what it was asked when it is closed, and dials no more", async () => {
  const relay = await relayFor(deskKey.publicKey);
  const { link, connected } = linked(relay);
  await connected(1);
  const asked = codeOf(link.notify(accountIdFromBytes(randomBytes(16))));
  link.close();
  link.close();
  expect(["offline", "done"]).toContain(await asked);
  expect(await codeOf(link.stampKeys(0))).toBe("offline");
});
