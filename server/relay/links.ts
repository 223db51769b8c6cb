/**
 * Rendezvous for linking: an old device opens one, a new device that holds its id joins, and each leaves sealed steps for
 * the other. The relay sees an id, four sealed bodies and their order; which side a caller is, it knows by its connection.
 */

import {
  type AccountId,
  decodeRecord,
  encodeRecord,
  equalBytes,
  type Frame,
  field,
  limits,
  SottoError,
  toHex,
} from "@sotto/protocol";
import { type Caller, type DeviceCaller, type Rules, sourceOf } from "./rules.js";
import type { TableBucket } from "./table-buckets.js";

type Step = Frame<"putLink">["step"];

const LINKS: TableBucket = "link";

/** How often a step is tried against the other side's. */
const ATTEMPTS = 16;

/** The steps in their order, each left by one side and taken by the other; none can be left before the one before it. */
const STEPS: readonly { readonly step: Step; readonly from: Side }[] = [
  { step: "join", from: "newDevice" },
  { step: "challenge", from: "account" },
  { step: "approve", from: "newDevice" },
  { step: "provision", from: "account" },
];

/** Who leaves a step: the new device, which is nobody yet, or a device of the account that opened the link. */
type Side = "newDevice" | "account";

const link = field.record({
  version: field.uint(1, 1),
  account: field.accountId,
  expiresMs: field.timeMs,
  /** The steps left so far, in their order. */
  bodies: field.list(field.bytes(1, limits.linkBodyBytes.value), STEPS.length),
});

interface Link {
  readonly account: AccountId;
  readonly expiresMs: number;
  readonly bodies: readonly Uint8Array[];
}

/**
 * Answers `openLink`. Idempotent for the account that opened it, until somebody joins.
 *
 * @throws linkUsed if there is a link of this id that somebody else opened or joined.
 */
export async function openLink(rules: Rules, caller: DeviceCaller, frame: Frame<"openLink">): Promise<void> {
  const { account } = caller.device;
  rules.limiters.spend("linksPerAccount", account);
  const expiresMs = rules.clock.now() + limits.linkTtlMs.value;
  if (!(await write(rules, frame.link, undefined, { account, expiresMs, bodies: [] }))) {
    const found = await read(rules, frame.link);
    if (found?.link.account !== account || found.link.bodies.length > 0) throw new SottoError("linkUsed");
  }
  caller.answer({ type: "done", id: frame.id });
}

/**
 * Answers `putLink`. A step is left once; of several that try, one succeeds. A repeat of what was left, because its answer
 * was lost, is answered as the first.
 *
 * @throws linkExpired if there is no such link, or none of this account.
 * @throws linkUsed if the step was left already.
 * @throws badFrame if it is the other side's step, or the one before it is missing.
 */
export async function putLink(rules: Rules, caller: Caller, frame: Frame<"putLink">): Promise<void> {
  rules.limiters.spend("linkStepsPerSource", sourceOf(caller));
  const place = placeOf(frame.step);
  const side = sideOf(caller);
  if (STEPS[place]?.from !== side) throw new SottoError("badFrame", { detail: "a step of the other side" });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await read(rules, frame.link);
    if (found === undefined || !isOf(found.link, caller)) throw new SottoError("linkExpired");
    const { bodies } = found.link;
    const left = bodies[place];
    if (left !== undefined) {
      if (!equalBytes(left, frame.body)) throw new SottoError("linkUsed");
      return caller.answer({ type: "done", id: frame.id });
    }
    if (bodies.length < place) throw new SottoError("badFrame", { detail: "a step before its time" });
    const next = { ...found.link, bodies: [...bodies, frame.body] };
    if (await write(rules, frame.link, found.revision, next)) return caller.answer({ type: "done", id: frame.id });
  }
  throw new SottoError("busy", { detail: "a link changes too often" });
}

/**
 * Answers `takeLink` with the step the other side left, or with nothing if it was not left yet. Taking changes nothing.
 *
 * @throws linkExpired if there is no such link, or none of this account.
 * @throws badFrame if it is the caller's own step.
 */
export async function takeLink(rules: Rules, caller: Caller, frame: Frame<"takeLink">): Promise<void> {
  rules.limiters.spend("linkLooksPerSource", sourceOf(caller));
  const place = placeOf(frame.step);
  if (STEPS[place]?.from === sideOf(caller)) throw new SottoError("badFrame", { detail: "a step of its own" });
  const found = await read(rules, frame.link);
  if (found === undefined || !isOf(found.link, caller)) throw new SottoError("linkExpired");
  caller.answer({ type: "linkBody", id: frame.id, body: found.link.bodies[place] });
}

/** Answers `closeLink`: whatever was left is gone. Idempotent; a link of another account is left alone. */
export async function closeLink(rules: Rules, caller: DeviceCaller, frame: Frame<"closeLink">): Promise<void> {
  rules.limiters.spend("linkStepsPerSource", sourceOf(caller));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await read(rules, frame.link);
    const isOpen = found !== undefined && isOf(found.link, caller);
    if (!isOpen || (await write(rules, frame.link, found.revision, undefined))) {
      return caller.answer({ type: "done", id: frame.id });
    }
  }
  throw new SottoError("busy", { detail: "a link changes too often" });
}

function placeOf(step: Step): number {
  return STEPS.findIndex((row) => row.step === step);
}

function sideOf({ device }: Caller): Side {
  return device === undefined ? "newDevice" : "account";
}

/** Whether a link is there for this caller: the new device knows nothing but its id. */
function isOf(found: Link, { device }: Caller): boolean {
  return device === undefined || device.account === found.account;
}

async function read(
  { clock, store }: Rules,
  id: Uint8Array,
): Promise<{ readonly revision: number; readonly link: Link } | undefined> {
  const row = await store.table.get(LINKS, toHex(id));
  if (row === undefined) return undefined;
  const found = decodeRecord(link, row.value);
  return found.expiresMs <= clock.now() ? undefined : { revision: row.revision, link: found };
}

/** Writes a link over the revision given, `undefined` for none; deletes it without a value. False if another was first. */
async function write(
  { clock, store }: Rules,
  id: Uint8Array,
  revision: number | undefined,
  value: Link | undefined,
): Promise<boolean> {
  const bytes = value === undefined ? undefined : encodeRecord(link, { version: 1, ...value });
  const ttlMs = value === undefined ? undefined : Math.max(1, value.expiresMs - clock.now());
  const { won } = await store.table.compareAndSet(LINKS, toHex(id), revision, bytes, ttlMs);
  return won;
}
