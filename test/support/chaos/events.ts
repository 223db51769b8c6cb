/** What can happen to two people's devices. An event names devices by place, so that a schedule can be read and replayed. */

/** The two people. */
export const sides = ["alice", "bob"] as const;
/** One of the two people. */
export type Side = (typeof sides)[number];
/** The other one. */
export const other = { alice: "bob", bob: "alice" } as const satisfies Record<Side, Side>;

/** A device over all its lives: `alice-1` is the first one of alice. */
export type DeviceName = string;

/** What somebody does to a message that is there; `chance` in [0, 1) says which. */
export const changeKinds = ["edit", "delete", "react", "unreact", "read"] as const;

/** One event. */
export type ChaosEvent =
  | { readonly kind: "send"; readonly device: DeviceName; readonly words: number }
  | { readonly kind: (typeof changeKinds)[number]; readonly device: DeviceName; readonly chance: number }
  | {
      readonly kind: "link";
      readonly donor: DeviceName;
      readonly device: DeviceName;
      readonly history: "none" | "all";
    }
  /** `settled` waits until the device said everything; `abrupt` does not. */
  | {
      readonly kind: "revoke";
      readonly by: DeviceName;
      readonly device: DeviceName;
      readonly manner: "settled" | "abrupt";
    }
  | { readonly kind: "close"; readonly device: DeviceName; readonly copy: "kept" | "none" }
  | {
      readonly kind: "crash";
      readonly device: DeviceName;
      readonly afterWrites: number;
      readonly lastWrite: "kept" | "lost";
      readonly copy: "kept" | "none";
    }
  | { readonly kind: "open"; readonly device: DeviceName }
  | { readonly kind: "cut"; readonly device: DeviceName }
  | { readonly kind: "rejoin"; readonly device: DeviceName }
  /** The folder of a device that is down is replaced by the copy that was kept of it. */
  | { readonly kind: "restore"; readonly device: DeviceName }
  | { readonly kind: "relayRestart" }
  /** A new identity from an empty store; `device` is its first device, all others of the account end. */
  | { readonly kind: "reset"; readonly side: Side; readonly device: DeviceName };

/** An event in one line. */
export function inWords(event: ChaosEvent): string {
  const { kind, ...rest } = event;
  return [
    kind,
    ...Object.entries(rest).map(([name, value]) => `${name}=${typeof value === "number" ? short(value) : value}`),
  ].join(" ");
}

const short = (value: number) => (Number.isInteger(value) ? `${value}` : value.toFixed(3));
