/** What the design of reports measured (its §4, microseconds; Node 20 with OpenSSL 3.0.19, four busy shared vCPU), and what others published. */

/** A figure of the design, and which of its rows says how fast its machine was at the kind of work that the operation mostly is. */
export interface DesignFigure {
  readonly micros: number;
  readonly scaledBy: keyof typeof designKeys;
}

/**
 * What making one Ed25519 key cost on the design's machine: measured here too, it says how the machines compare. `openssl` goes with the
 * figures that the design gives in brackets, the least disturbed ones, `opensslBusy` with those that have none; `noble` with what is
 * mostly noble's work.
 */
export const designKeys = { openssl: 135, opensslBusy: 186, noble: 388 } as const;

/** By operation. */
export const designFigures = {
  issue: { micros: 146, scaledBy: "openssl" },
  frank: { micros: 93.8, scaledBy: "openssl" },
  stamp: { micros: 7.0, scaledBy: "openssl" },
  verify: { micros: 396, scaledBy: "openssl" },
  head: { micros: 1_950, scaledBy: "noble" },
  body: { micros: 29, scaledBy: "openssl" },
  report1: { micros: 7_387, scaledBy: "noble" },
  report6: { micros: 7_804, scaledBy: "noble" },
  triage1: { micros: 6_881, scaledBy: "noble" },
  triage6: { micros: 16_824, scaledBy: "noble" },
  open1: { micros: 4_248, scaledBy: "noble" },
  open6: { micros: 4_720, scaledBy: "noble" },
  roster33: { micros: 1_179, scaledBy: "opensslBusy" },
  roster257: { micros: 8_478, scaledBy: "opensslBusy" },
  roster1000: { micros: 36_957, scaledBy: "opensslBusy" },
} as const satisfies Record<string, DesignFigure>;

/** What is measured. */
export type Operation = keyof typeof designFigures;

/** Not measured here. */
export const publishedNotes: readonly string[] = [
  "Published, not measured here: Hecate (USENIX Security 2022; Rust, t3.small): issue one token 52.2 µs, frank 36.6, stamp 32.4, verify 196.0, inspect 203.4; 380 bytes per message.",
  "Published, not measured here: asymmetric message franking (AMF): 352 bytes per message, without the time and without the relay's evidence. The design's own port of it in TypeScript on ristretto255 took 11,550 µs to frank (per recipient), 11,690 to verify and 11,220 to inspect.",
  "Messenger-style franking, as the design measured it (a MAC by a server that knows the sender): frank 9.7 µs, stamp 6.1, verify 5.0, inspect 9.6; 96 bytes.",
];
