/** The metrics: a table of rows behind the Metrics port, exposed for Prometheus. No label ever names anybody. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CounterName, GaugeName, HistogramName, Metrics } from "../ports.js";

interface CounterRow {
  readonly metric: string;
  readonly help: string;
  readonly label?: string;
}

/** Every counter, by the name the rules use. */
const counters: Readonly<Record<CounterName, CounterRow>> = {
  framesReceived: { metric: "sotto_frames_received_total", help: "Frames received, by type.", label: "frame" },
  failuresAnswered: { metric: "sotto_failures_answered_total", help: "Failures answered, by code.", label: "code" },
  envelopesAccepted: { metric: "sotto_envelopes_accepted_total", help: "Envelopes stored and answered `accepted`." },
  envelopesDelivered: {
    metric: "sotto_envelopes_delivered_total",
    help: "Envelopes handed to sockets, repeats included.",
  },
  envelopesAcknowledged: {
    metric: "sotto_envelopes_acknowledged_total",
    help: "Envelopes deleted because their device has them.",
  },
  envelopesExpired: {
    metric: "sotto_envelopes_expired_total",
    help: "Envelopes deleted because nobody fetched them in time.",
  },
  bytesAccepted: { metric: "sotto_bytes_accepted_total", help: "Bytes of ciphertext stored." },
  sendsRepeated: {
    metric: "sotto_sends_repeated_total",
    help: "Sends that were stored before and got their first answer.",
  },
  groupSendsAccepted: {
    metric: "sotto_group_sends_accepted_total",
    help: "Group sends stored and answered `accepted`.",
  },
  groupsCreated: { metric: "sotto_groups_created_total", help: "Logs of groups begun." },
  groupEntriesAppended: {
    metric: "sotto_group_entries_appended_total",
    help: "Entries appended to logs of groups, first ones aside.",
  },
  groupCheckpoints: { metric: "sotto_group_checkpoints_total", help: "Checkpoints left for logs of groups." },
  groupsExpired: {
    metric: "sotto_groups_expired_total",
    help: "Logs of groups deleted because nobody appended to them in time.",
  },
  uploads: { metric: "sotto_uploads_total", help: "Uploads of attachments, by what became of them.", label: "outcome" },
  downloads: {
    metric: "sotto_downloads_total",
    help: "Downloads of attachments and of parts of them, by what became of them.",
    label: "outcome",
  },
  uploadedBytes: { metric: "sotto_uploaded_bytes_total", help: "Bytes of attachments stored." },
  downloadedBytes: { metric: "sotto_downloaded_bytes_total", help: "Bytes of attachments handed to sockets." },
  blobsExpired: {
    metric: "sotto_blobs_expired_total",
    help: "Attachments deleted because their time was over, or never finished.",
  },
  registrations: { metric: "sotto_registrations_total", help: "Devices registered, by mode.", label: "mode" },
  deskAsks: {
    metric: "sotto_desk_asks_total",
    help: "What devices asked the desk, by what became of it.",
    label: "outcome",
  },
  reports: {
    metric: "sotto_reports_total",
    help: "Reports left for the desk, by what became of them.",
    label: "outcome",
  },
  sanctions: {
    metric: "sotto_sanctions_total",
    help: "Sanctions carried out, repeats included, by kind.",
    label: "kind",
  },
  stamps: { metric: "sotto_stamps_total", help: "Stamps made on commitments." },
  limited: { metric: "sotto_limited_total", help: "Requests refused by a limiter, by its row.", label: "limiter" },
  connectionsClosed: {
    metric: "sotto_connections_closed_total",
    help: "Sockets closed, by close code.",
    label: "code",
  },
};

/** Every gauge. */
const gauges: Readonly<Record<GaugeName, CounterRow>> = {
  deviceConnections: { metric: "sotto_device_connections", help: "Open sockets of authenticated devices." },
  anonymousConnections: { metric: "sotto_anonymous_connections", help: "Open anonymous sockets." },
  greetingConnections: {
    metric: "sotto_greeting_connections",
    help: "Open sockets that have not finished the greeting.",
  },
  deskConnections: { metric: "sotto_desk_connections", help: "Open sockets of the desk: 1 while it is there." },
  reportsWaiting: { metric: "sotto_reports_waiting", help: "Reports on disk that the desk has not acknowledged." },
  blobBytes: { metric: "sotto_blob_bytes", help: "Bytes of attachments held, and promised to uploads under way." },
};

/** Every histogram, in seconds. */
const histograms: Readonly<Record<HistogramName, CounterRow & { readonly buckets: readonly number[] }>> = {
  acceptSeconds: {
    metric: "sotto_accept_seconds",
    help: "From a send's arrival to its answer.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
};

/** Distinct values a label may take; further ones are counted as `other`, so that no caller can grow the page. */
const MAX_LABEL_VALUES = 100;
const OTHER_LABEL = "other";
/** The one value of a counter without a label, and of one whose caller names none. */
const NO_LABEL = "none";

/** The metrics of one relay and their page. */
export interface ExposedMetrics extends Metrics {
  /** The page in Prometheus' text format. */
  page(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Forgets everything; no timer is left. Idempotent. */
  close(): void;
}

/** Metrics in a registry of their own, with the process's default ones. */
export function createMetrics(): ExposedMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const counted = mapRows(counters, (row) => countOwn(row, registry));
  const gauged = mapRows(gauges, (row) => gaugeOwn(row, registry));
  const observed = mapRows(
    histograms,
    ({ metric, help, buckets }) => new Histogram({ name: metric, help, buckets: [...buckets], registers: [registry] }),
  );

  return {
    count: (name, label, by = 1) => counted[name].add(label ?? NO_LABEL, by),
    gauge: (name, by) => gauged[name].add(by),
    observe: (name, value) => observed[name].observe(value),
    page: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    close: () => registry.clear(),
  };
}

/** A counter that costs a look-up: the library's own, several times dearer, is filled when the page is read. */
function countOwn({ metric, help, label }: CounterRow, registry: Registry) {
  const sums = new Map<string, { sum: number }>();
  new Counter({
    name: metric,
    help,
    registers: [registry],
    labelNames: label === undefined ? [] : [label],
    collect() {
      this.reset();
      for (const [value, { sum }] of sums) {
        if (label === undefined) this.inc(sum);
        else this.inc({ [label]: value }, sum);
      }
    },
  });
  const cell = (value: string): { sum: number } => {
    const key = sums.size < MAX_LABEL_VALUES ? value : OTHER_LABEL;
    const made = sums.get(key) ?? { sum: 0 };
    sums.set(key, made);
    return made;
  };
  return {
    add(value: string, by: number): void {
      const known = sums.get(value) ?? cell(value);
      known.sum += by;
    },
  };
}

function gaugeOwn({ metric, help }: CounterRow, registry: Registry) {
  let sum = 0;
  new Gauge({
    name: metric,
    help,
    registers: [registry],
    collect() {
      this.set(sum);
    },
  });
  return {
    add(by: number): void {
      sum += by;
    },
  };
}

function mapRows<Name extends string, Row, Out>(
  rows: Readonly<Record<Name, Row>>,
  make: (row: Row) => Out,
): Record<Name, Out> {
  const entries = Object.entries<Row>(rows).map(([name, row]) => [name, make(row)] as const);
  return Object.fromEntries(entries) as Record<Name, Out>;
}
