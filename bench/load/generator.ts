/** A load generator: one process, driven by the bench through `Order`s. */

import type { Dialect, Place } from "./dialect.js";
import { prepareDrain } from "./drain.js";
import { idleDevices, idleSockets } from "./idle.js";
import { minimalDialect } from "./minimal-dialect.js";
import type { DialectName, Order, Report } from "./orders.js";
import { sottoDialect } from "./sotto-dialect.js";
import { prepareTraffic } from "./traffic.js";

/** What a prepared workload does at the later orders. */
interface Prepared {
  start(): Promise<void> | void;
  mark(): void;
  end(): Promise<void>;
}

const NOTHING = async () => undefined;

function report(message: Report): void {
  process.send?.(message);
}

function failed(reason: string): void {
  report({ kind: "failed", reason });
}

function dialectOf(name: DialectName, place: Place): Dialect {
  return name === "minimal" ? minimalDialect(place) : sottoDialect(place);
}

async function prepare({ dialect: name, port, generator, workload }: Extract<Order, { kind: "prepare" }>) {
  // An address of its own for each generator, so that none runs out of ports.
  const place = { port, localAddress: `127.0.0.${2 + generator}` };
  const dialect = dialectOf(name, place);
  switch (workload.kind) {
    case "open":
    case "closed": {
      const traffic = await prepareTraffic(dialect, workload, { generator, failed });
      return {
        start: () => traffic.start(),
        mark: () => traffic.mark(),
        end: async () => report({ kind: "measured", measured: await traffic.end() }),
      };
    }
    case "drain": {
      const drain = await prepareDrain(dialect, workload.messages, { generator, failed });
      return {
        start: async () => report({ kind: "drained", drained: await drain.run() }),
        mark: () => undefined,
        end: NOTHING,
      };
    }
    case "idle": {
      const idle =
        workload.greeting === "none"
          ? idleSockets(place, workload.connections, failed)
          : await idleDevices(dialect, workload.connections, { generator, failed });
      return {
        start: async () => {
          await idle.connect();
          report({ kind: "ready" });
        },
        mark: () => undefined,
        end: NOTHING,
      };
    }
  }
}

let prepared: Prepared | undefined;

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case "prepare":
      prepared = await prepare(order);
      report({ kind: "ready" });
      return;
    case "start":
      await prepared?.start();
      return;
    case "mark":
      prepared?.mark();
      return;
    case "end":
      await prepared?.end();
      return;
  }
}

process.on("message", (order: Order) => {
  obey(order).catch((cause: unknown) =>
    failed(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)),
  );
});
process.on("disconnect", () => process.exit(0));
