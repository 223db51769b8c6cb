/** Which answer belongs to which request: the typed map, and the check of an answer against what was asked. */

import type { AccountId, Frame, FrameName } from "@sotto/protocol";

/** Every request a link sends, with the frames that answer it (beside `failed`). */
const answers = {
  ping: ["pong"],
  resolve: ["resolved"],
  fetchBundles: ["bundles"],
  publishKeys: ["published"],
  fetchCertificate: ["certificate"],
  setAccess: ["done"],
  listDevices: ["deviceList"],
  revokeDevice: ["done"],
  nameDevice: ["done"],
  park: ["done"],
  openLink: ["done"],
  putLink: ["done"],
  takeLink: ["linkBody"],
  closeLink: ["done"],
  send: ["accepted", "deviceMismatch"],
  sendGroup: ["accepted", "deviceMismatch", "groupMoved"],
  createGroup: ["groupAppended"],
  appendGroup: ["groupAppended", "groupMoved"],
  readGroup: ["groupEntries"],
  putCheckpoint: ["done"],
  requestUpload: ["uploadGranted"],
  fetchRealm: ["realm"],
  askDesk: ["deskAnswer"],
  submitReport: ["done"],
} as const satisfies Partial<Record<FrameName, readonly FrameName[]>>;

/** The name of a request. */
export type RequestName = keyof typeof answers;

/** A request before the link numbers it. The first part lets TypeScript infer which one it is. */
export type RequestOf<N extends RequestName> = { readonly type: N } & { [K in N]: Omit<Frame<K>, "id"> }[N];

/** The typed answer of a request. */
export type AnswerOf<N extends RequestName> = Frame<(typeof answers)[N][number]>;

/** A positive answer to some request. */
export type Answer = AnswerOf<RequestName>;

/** The request with its number: its row says that this is all it lacked. */
export function numbered<N extends RequestName>(request: RequestOf<N>, id: number): Frame<RequestName> {
  return { ...request, id } as Frame<RequestName>;
}

/** What is kept of a sent request to judge its answer by. Not its body, which may be large. */
export interface Expectation {
  readonly request: RequestName;
  /** The accounts the answer may name; `undefined` if it names none or one the relay alone knows. */
  readonly accounts: ReadonlySet<AccountId> | undefined;
}

/** What the answer to a request must be. */
export function expectationOf(request: Frame<RequestName>): Expectation {
  return { request: request.type, accounts: accountsOf(request) };
}

function accountsOf(request: Frame<RequestName>): ReadonlySet<AccountId> | undefined {
  if (request.type === "fetchBundles") return new Set([request.account]);
  if (request.type === "send") return new Set(request.recipients.map(({ account }) => account));
  return undefined;
}

/**
 * Whether an answer is of the right type and names only accounts that were asked for: another account's bundle would
 * else be used for the one that was meant.
 */
export function isExpected({ request, accounts }: Expectation, answer: Answer): boolean {
  const allowed: readonly FrameName[] = answers[request];
  if (!allowed.includes(answer.type)) return false;
  if (answer.type === "bundles") return accounts?.has(answer.account) === true;
  if (answer.type === "deviceMismatch") {
    // A send to a group names its accounts inside the message only; what an answer may change there is its sender's to judge.
    if (request === "sendGroup") return true;
    if (answer.denied.length > 0) return false;
    return [...answer.accounts, ...answer.bundles].every(({ account }) => accounts?.has(account) === true);
  }
  return true;
}

/** The answer as the type its request promises; the table has checked it with `isExpected`. */
export function typedAnswer<N extends RequestName>(_request: RequestOf<N>, answer: Answer): AnswerOf<N> {
  return answer as AnswerOf<N>;
}
