/** A link on real sockets, under a clock that runs faster, with everything it says in reach of a test. */

import { type FailureCode, type Frame, parseAccountId, parseDeviceId, SottoError } from "@sotto/protocol";
import { type LinkParts, type LinkState, type Push, RelayLink } from "../../sdk/core/link/relay-link.js";
import type { Clock } from "../../sdk/core/ports.js";
import { dial } from "../../sdk/node/socket.js";
import { honestRoot, seededRandom } from "../support/hostile-relay/index.js";

/** How many of the link's seconds pass in one of ours: its waits stay true to each other and tests stay short. */
const SPEED = 20;
/**
 * At most so much of our time passes between two looks at the clock. A test process that was held up for a second has not let
 * its relay, which lives in it, answer for twenty: the link may not give that relay up.
 */
const LONGEST_TURN_MS = 10;

const startedMs = Date.now();
let passedMs = 0;
let lookedMs = performance.now();

/** How much of our time has passed, as far as it counts. */
function look(): number {
  const nowMs = performance.now();
  passedMs += Math.min(nowMs - lookedMs, LONGEST_TURN_MS);
  lookedMs = nowMs;
  return passedMs;
}

const fastClock: Clock = {
  now: () => Math.round(startedMs + look() * SPEED),
  after: (delayMs, work) => {
    const dueMs = look() + delayMs / SPEED;
    let timer: NodeJS.Timeout;
    const wait = () => {
      const leftMs = dueMs - look();
      if (leftMs > 0) timer = setTimeout(wait, Math.min(leftMs, LONGEST_TURN_MS));
      else work();
    };
    timer = setTimeout(wait, Math.min(delayMs / SPEED, LONGEST_TURN_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A link and what it said so far. */
export interface WatchedLink {
  readonly link: RelayLink;
  readonly states: readonly { readonly state: LinkState; readonly reason: SottoError | undefined }[];
  /** Counts, not copies: what a flood sends is not kept. */
  readonly pushes: ReadonlyMap<Push["type"], number>;
  /** The codes of all losses so far. */
  losses(): readonly FailureCode[];
  /** Resolves as soon as the condition holds; asked again after everything the link says. */
  until(condition: (watched: WatchedLink) => boolean): Promise<void>;
}

const watchedLinks = new Set<WatchedLink>();

/** A started link to this address, as a device unless told otherwise; it trusts the honest scripts' root. */
export function watchLink(url: string, over: Partial<LinkParts> = {}): WatchedLink {
  const states: { state: LinkState; reason: SottoError | undefined }[] = [];
  const pushes = new Map<Push["type"], number>();
  const waiters = new Set<() => void>();
  const changed = () => {
    for (const waiter of waiters) waiter();
  };
  const link = new RelayLink({
    url,
    dial,
    clock: fastClock,
    random: seededRandom(7),
    log: () => undefined,
    greeting: {
      kind: "device",
      account: parseAccountId("00112233-4455-6677-8899-aabbccddeeff"),
      device: parseDeviceId(1),
      sign: () => new Uint8Array(64),
    },
    checkRoot: pinHonestRoot,
    onReady: () => undefined,
    onPush: ({ type }) => {
      pushes.set(type, (pushes.get(type) ?? 0) + 1);
      changed();
    },
    onState: (state, reason) => {
      states.push({ state, reason });
      changed();
    },
    ...over,
  });
  const watched: WatchedLink = {
    link,
    states,
    pushes,
    losses: () => states.flatMap(({ reason }) => (reason === undefined ? [] : [reason.code])),
    until: (condition) =>
      new Promise((resolve) => {
        const look = () => {
          if (!condition(watched)) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      }),
  };
  watchedLinks.add(watched);
  link.start();
  return watched;
}

/** Closes every link of a test. */
export function closeLinks(): void {
  for (const { link } of watchedLinks) link.close();
  watchedLinks.clear();
}

/** Whether the link is ready now. */
export function isReady({ link }: WatchedLink): boolean {
  return link.state === "ready";
}

function pinHonestRoot({ root }: Frame<"challenge">): void {
  if (root.some((byte, index) => byte !== honestRoot[index])) throw new SottoError("wrongRoot");
}

/** The code a promise rejects with, or `answered`. */
export function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "answered",
    (error: unknown) => (error instanceof SottoError ? error.code : Promise.reject(error)),
  );
}
