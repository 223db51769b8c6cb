/** What a message to a large group costs the relay, beside as many separate sends of the same body. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeFolder } from "../../server/main-parts/open-store.js";
import type { Bench } from "../benches.js";
import type { Contender, Metrics } from "../compare.js";
import type { ServerProcess } from "../processes/server-process.js";
import { type SottoOptions, startSotto } from "../targets.js";
import { Crowd, HEAD_BYTES, SHARED_BYTES } from "./relay-crowd.js";
import { mailRows } from "./relay-rows.js";

const MEMBERS = 250;
/** Writers, each with one message under way. */
const WRITERS = 4;
/** Before them a third as many are sent as warm-up. */
const OFFLINE_MESSAGES = 450;
const ONLINE_MESSAGES = 150;
const STORED_MESSAGES = 20;

const GROUP = "one group send";
const SEPARATE = `${MEMBERS} separate sends`;
const PAYLOAD = "the shared payload itself";

/** A reference is an envelope's key and value: place, message id, time, and what is the recipient's own of the body. */
const MAX_REFERENCE_BYTES = 100;
/** The payload's row, the row of its count, and the references. */
const MAX_ROWS = MEMBERS + 2;

type How = "together" | "separately";

/** The bench of messages to a group of 250 accounts, one device each, at a relay. */
export function groupRelayBench(options: SottoOptions): Bench {
  const both = (run: (how: How) => Promise<Metrics>): readonly Contender[] => [
    { name: SEPARATE, run: () => run("separately") },
    { name: GROUP, run: () => run("together") },
  ];
  const words = `a text of 200 bytes to ${MEMBERS} members`;
  return {
    steps: [
      {
        name: `${words}, all offline`,
        reference: SEPARATE,
        judgedBy: "ratio",
        goals: [{ contender: GROUP, metric: "cpuMicrosPerRecipient", bound: "atMost", value: 0.2 }],
        contenders: both((how) => runWriting(options, how, "offline")),
      },
      {
        name: `${words}, all online: delivered and acknowledged too`,
        reference: SEPARATE,
        judgedBy: "ratio",
        goals: [],
        contenders: both((how) => runWriting(options, how, "online")),
      },
      {
        name: `the mail of ${words}, in the database`,
        reference: PAYLOAD,
        judgedBy: "difference",
        goals: [
          { contender: GROUP, metric: "rowsPerMessage", bound: "atMost", value: MAX_ROWS - 1 },
          { contender: GROUP, metric: "bytesPerMessage", bound: "atMost", value: MEMBERS * MAX_REFERENCE_BYTES },
        ],
        contenders: [
          { name: PAYLOAD, run: async () => ({ rowsPerMessage: 1, bytesPerMessage: SHARED_BYTES, leftBehind: 0 }) },
          ...both((how) => runStoring(options, how)),
        ],
      },
    ],
    notes: [
      `Every run is a fresh relay on empty data and a real disk. ${WRITERS} writers on anonymous connections of their own have one message under way each: one frame to everybody, or ${MEMBERS} frames at once. Bodies are ${HEAD_BYTES + SHARED_BYTES} bytes on both sides, what the SDK makes of 200 bytes of text.`,
      `CPU is user and system time of the relay's whole process, LevelDB's threads and garbage collection included, for each recipient of ${OFFLINE_MESSAGES} messages (${ONLINE_MESSAGES} with everybody online), after a third of that as warm-up. Online it ends when everything was delivered.`,
      `Rows and bytes are those of envelopes, shared ends and their counts, keys and values, after ${STORED_MESSAGES} messages and the relay's end. \`leftBehind\` counts them after a second relay has delivered them all, all were acknowledged, and it too has ended. What recognises a repeated send is apart: 54 bytes for 7 days, for a group send once.`,
    ],
  };
}

async function runWriting(options: SottoOptions, how: How, where: "offline" | "online"): Promise<Metrics> {
  return withFolder(async (folder) =>
    withRelay(options, folder, async (server) => {
      const messages = where === "online" ? ONLINE_MESSAGES : OFFLINE_MESSAGES;
      const warmUp = messages / 3;
      const crowd = await Crowd.gather(server.port, { members: MEMBERS, writers: WRITERS });
      if (where === "online") await crowd.comeOnline();
      const write = async (count: number, before: number) => {
        await crowd.write(count, how);
        if (where === "online") await crowd.untilDelivered((before + count) * MEMBERS);
      };
      await write(warmUp, 0);
      const cpuBefore = await server.cpuSeconds();
      const startedMs = performance.now();
      await write(messages, warmUp);
      const wallMs = performance.now() - startedMs;
      const cpu = (await server.cpuSeconds()) - cpuBefore;
      const duplicated = where === "online" ? crowd.delivered - (warmUp + messages) * MEMBERS : 0;
      await crowd.leave();
      const recipients = messages * MEMBERS;
      return {
        cpuMicrosPerRecipient: (cpu * 1e6) / recipients,
        wallMicrosPerRecipient: (wallMs * 1e3) / recipients,
        duplicated,
      };
    }),
  );
}

async function runStoring(options: SottoOptions, how: How): Promise<Metrics> {
  return withFolder(async (folder) => {
    const crowd = await withRelay(options, folder, async (server) => {
      const gathered = await Crowd.gather(server.port, { members: MEMBERS, writers: WRITERS });
      await gathered.write(STORED_MESSAGES, how);
      await gathered.leave();
      await server.shutDown();
      return gathered;
    });
    const { rows, bytes } = await mailRows(storeFolder(folder));
    await withRelay(options, folder, async (server) => {
      await crowd.comeOnline(server.port);
      await crowd.untilDelivered(STORED_MESSAGES * MEMBERS);
      await crowd.leave();
      await server.shutDown();
    });
    const { rows: leftBehind } = await mailRows(storeFolder(folder));
    return { rowsPerMessage: rows / STORED_MESSAGES, bytesPerMessage: bytes / STORED_MESSAGES, leftBehind };
  });
}

async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withRelay<Result>(
  options: SottoOptions,
  folder: string,
  work: (server: ServerProcess) => Promise<Result>,
): Promise<Result> {
  const server = await startSotto(options, folder);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}
