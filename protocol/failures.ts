/** The one table of failures, and the one error class made from it. Codes are never reused. */

/** Who has to act: the program that called, the operator of the relay, the person or device at the other end, the host app, or us. */
export type Fault = "caller" | "relay" | "peer" | "host" | "sotto";

/** Whether the same call may succeed later: `later` by itself, `afterRemedy` once the remedy is done, `never` not as it stands. */
export type Retry = "later" | "afterRemedy" | "never";

/** One row: its number on the wire (0 = never travels), who is at fault, whether to retry, and what the caller can do. */
export interface Failure {
  readonly wire: number;
  readonly fault: Fault;
  readonly retry: Retry;
  readonly remedy: string;
}

/** Every failure, by the code programs branch on. */
export const failures = {
  // Frames and connections
  badFrame: {
    wire: 1,
    fault: "caller",
    retry: "never",
    remedy: "The frame breaks the protocol; update the SDK, or report the relay if it sent it.",
  },
  unsupportedVersion: {
    wire: 2,
    fault: "caller",
    retry: "never",
    remedy: "Update the side that speaks the older protocol version.",
  },
  notAuthenticated: {
    wire: 3,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "Authenticate this connection, or use the kind of connection the request needs.",
  },
  badCredentials: {
    wire: 4,
    fault: "caller",
    retry: "never",
    remedy: "The relay does not know this device or its signature is wrong; register again or open the right store.",
  },
  displaced: {
    wire: 5,
    fault: "caller",
    retry: "never",
    remedy: "A newer connection of this device took over; close one of the two programs.",
  },
  tooManyRequests: {
    wire: 6,
    fault: "caller",
    retry: "later",
    remedy: "Wait retryAfterMs, then send again; the limits are listed in the relay's reference.",
  },
  busy: {
    wire: 7,
    fault: "relay",
    retry: "later",
    remedy: "The relay is starting, draining or overloaded; the SDK retries by itself.",
  },
  internal: {
    wire: 8,
    fault: "relay",
    retry: "later",
    remedy: "The relay hit a bug; its operator finds the reason in its log.",
  },
  // Number 9 is spent and stays unused.

  // Registration and keys
  badToken: {
    wire: 20,
    fault: "host",
    retry: "afterRemedy",
    remedy: "The host token is missing, expired or not signed for this relay; fetch a new one.",
  },
  registrationClosed: {
    wire: 21,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "Pass `auth` with a host token, or run the relay with SOTTO_DEVELOPMENT=true on your own machine.",
  },
  accountExists: {
    wire: 22,
    fault: "caller",
    retry: "afterRemedy",
    remedy:
      'Open the store that holds this account\'s keys, or pass `existingAccount: "reset"` to start over with a new identity.',
  },
  deviceLimit: { wire: 23, fault: "caller", retry: "afterRemedy", remedy: "Revoke one of the listed devices first." },
  badSignature: {
    wire: 24,
    fault: "caller",
    retry: "never",
    remedy: "A key is not signed by the identity it claims; nothing was stored.",
  },
  badKeys: { wire: 25, fault: "caller", retry: "never", remedy: "A key has the wrong kind or id; nothing was stored." },
  unknownUser: {
    wire: 26,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "Nobody is registered under this user id yet; ask them to open the app once.",
  },

  unknownDevice: {
    wire: 27,
    fault: "caller",
    retry: "never",
    remedy: "This account has no such device; list them again.",
  },

  // Sending
  notAllowed: {
    wire: 40,
    fault: "peer",
    retry: "never",
    remedy: "This account cannot be written to with what you hold; open the conversation again to ask anew.",
  },
  deviceMismatch: {
    wire: 41,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The device list is out of date; the SDK repairs it and sends again.",
  },
  mailboxFull: {
    wire: 42,
    fault: "peer",
    retry: "later",
    remedy: "The recipient has too much unread mail; try again when they were online.",
  },
  tooLarge: { wire: 43, fault: "caller", retry: "never", remedy: "Send less at once; files belong into attachments." },
  requestPending: {
    wire: 44,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "Your first message waits for an answer; send the next one once it is accepted.",
  },
  badGrant: {
    wire: 45,
    fault: "host",
    retry: "afterRemedy",
    remedy: "The grant is not signed for this relay and these two people, or has expired; fetch a new one.",
  },
  grantSpent: {
    wire: 46,
    fault: "host",
    retry: "afterRemedy",
    remedy: "This grant was good for one first contact and was used; fetch another one.",
  },
  muted: {
    wire: 47,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The moderators muted this account; their statement says for how long, and how to appeal.",
  },
  suspended: {
    wire: 48,
    fault: "caller",
    retry: "afterRemedy",
    remedy:
      "The moderators suspended this account, or took this device out; their statement says why, and how to appeal.",
  },
  restricted: {
    wire: 49,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The moderators let this account begin no new conversations; their statement says why, and how to appeal.",
  },

  identityMoved: {
    wire: 0,
    fault: "host",
    retry: "afterRemedy",
    remedy:
      "The moderators' desk knows this account under another identity key, as of before it was reset. Whoever runs the desk can let this one in (`sotto-desk identities allow`); then it works within a quarter of an hour.",
  },

  // Linking
  linkUsed: {
    wire: 60,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "This link was used already; make a new one on the old device.",
  },
  linkExpired: {
    wire: 61,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "This link is older than ten minutes, was ended or never existed; make a new one on the old device.",
  },
  linkInvalid: {
    wire: 0,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "The other side of this link is not who it should be; nothing was handed over. Make a new link.",
  },
  wrongCode: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The codes of the two devices differ; nothing was handed over. Make a new link and compare again.",
  },
  linkDeclined: {
    wire: 0,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "The other device ended the link; nothing was handed over. Make a new one if you want to link it.",
  },

  // Groups
  groupNotFound: {
    wire: 70,
    fault: "caller",
    retry: "never",
    remedy: "There is no such group, or you are not in it any more; ask one of its members for an invitation.",
  },
  groupExists: {
    wire: 71,
    fault: "caller",
    retry: "never",
    remedy: "Another group has this id; create it again under a new one.",
  },
  groupLogFull: {
    wire: 72,
    fault: "relay",
    retry: "afterRemedy",
    remedy: "The group's log is as large as this relay allows; a checkpoint by an admin makes room.",
  },
  tooManyRecipients: {
    wire: 73,
    fault: "relay",
    retry: "never",
    remedy: "The community allows fewer recipients for one message than this group has.",
  },
  uploadQuota: {
    wire: 74,
    fault: "caller",
    retry: "later",
    remedy:
      "This account has used its room for attachments; wait retryAfterMs until earlier ones count no more, or send less.",
  },
  groupFull: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The group has as many accounts as it may have, invited ones included; remove one first.",
  },
  groupDenied: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "Your role in this group does not allow this; ask an admin.",
  },
  groupForked: {
    wire: 0,
    fault: "relay",
    retry: "never",
    remedy:
      "The relay shows its members two histories of this group: stop using it there, and start a new group elsewhere.",
  },
  groupLeft: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "You are no member of this group any more; ask for a new invitation.",
  },
  invitationGone: {
    wire: 0,
    fault: "peer",
    retry: "never",
    remedy: "This invitation was taken back or answered already; ask for a new one.",
  },

  // Consent
  policyDenied: {
    wire: 0,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "This person takes first messages only on the grounds that `need` lists; the host can vouch for them.",
  },
  textOnly: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The first message to somebody is one text; send everything else once it is accepted.",
  },

  // Reports
  notReportable: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy:
      "Nothing is kept that would prove these messages to moderators, or they are your own; `reports.reportable()` lists what can be reported.",
  },
  severalAccused: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "A report is about one account: report each on its own, and pass what others said as context.",
  },
  deskUnready: {
    wire: 0,
    fault: "host",
    retry: "later",
    remedy:
      "No moderator can read reports here yet, so nothing was sent; the community's moderators have to sign in at their desk once.",
  },
  consentRequired: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "Show `draft.disclosure` to the user, and pass its `hash` as `consent` if they agree.",
  },
  unknownReport: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "There is no such report or statement on this device; list them again.",
  },
  appealClosed: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "This cannot be appealed against: its time is over, it was appealed against already, or it is no measure.",
  },

  // Only in the SDK
  invalidArgument: { wire: 0, fault: "caller", retry: "never", remedy: "Correct the argument that the detail names." },
  offline: {
    wire: 0,
    fault: "relay",
    retry: "later",
    remedy: "No connection to the relay; the SDK keeps trying and keeps what you sent.",
  },
  timeout: {
    wire: 0,
    fault: "relay",
    retry: "later",
    remedy: "The relay did not answer in time; the SDK connects anew.",
  },
  closed: { wire: 0, fault: "caller", retry: "never", remedy: "The client was closed; create a new one." },
  aborted: { wire: 0, fault: "caller", retry: "never", remedy: "The call was aborted by its signal." },
  cancelled: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "The message was cancelled before the relay accepted it.",
  },
  expired: {
    wire: 0,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "The message could not be sent for days; call retry() to try once more.",
  },
  attachmentGone: {
    wire: 0,
    fault: "relay",
    retry: "never",
    remedy:
      "The relay does not keep this attachment any more: it expired or was deleted; ask the sender to send it again.",
  },
  attachmentCorrupt: {
    wire: 0,
    fault: "peer",
    retry: "never",
    remedy:
      "The attachment is not what its sender sealed, and nothing of it from here on is given out; ask for it again.",
  },
  sourceUnreadable: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "What was to be uploaded cannot be read; check the file or stream and upload it again.",
  },
  targetUnwritable: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy:
      "The file cannot be written there; check path, rights and free space, or whether there is one already. What was saved so far is kept.",
  },
  mediaUnreadable: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: 'This is no picture or sound that can be read; pass as: "file" to send it as it is.',
  },
  mediaToolMissing: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy:
      'Pictures need `npm install sharp`, sounds `npm install audio-decode`; or pass as: "file" to send the file as it is.',
  },
  wrongRoot: {
    wire: 0,
    fault: "relay",
    retry: "never",
    remedy:
      "The relay presents another root key than the one pinned; check relayRoot, and suspect the network if it did not change.",
  },
  rootRequired: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "Pass relayRoot: the relay's operator prints it with `sotto-relay keys`.",
  },
  wrongRealm: {
    wire: 0,
    fault: "relay",
    retry: "never",
    remedy:
      "The relay serves another realm than the one pinned; check realm, and suspect the relay if it did not change.",
  },
  realmRequired: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "Pass realm: the community's moderators print it with `sotto-desk keys`.",
  },
  badRelay: {
    wire: 0,
    fault: "relay",
    retry: "later",
    remedy: "The relay answered something that breaks the protocol; the SDK connects anew.",
  },
  wrongKey: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "The passphrase or key does not open this store; nothing was changed.",
  },
  storeInUse: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "Another process has this store open; close it or use another folder.",
  },
  storeFailed: {
    wire: 0,
    fault: "sotto",
    retry: "afterRemedy",
    remedy: "The local database failed; check the disk, then open the client again. What was acknowledged is safe.",
  },
  storeCorrupt: {
    wire: 0,
    fault: "sotto",
    retry: "never",
    remedy: "A stored record does not open or parse; restore the folder from a backup or reset the account.",
  },
  storeVersion: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "This store was written by a newer version; update the program.",
  },
  wrongAccount: {
    wire: 0,
    fault: "caller",
    retry: "never",
    remedy: "The store belongs to another user or relay; use a folder of its own for each account.",
  },
  identityChanged: {
    wire: 0,
    fault: "peer",
    retry: "afterRemedy",
    remedy: "The verified safety number changed; compare it again and call trustIdentity(), or do not send.",
  },
  engineMissing: {
    wire: 0,
    fault: "caller",
    retry: "afterRemedy",
    remedy: "Install the native engine: npm install @signalapp/libsignal-client@0.103.0",
  },
  outboxFull: {
    wire: 0,
    fault: "caller",
    retry: "later",
    remedy: "Too many messages wait to be sent; wait for `accepted` before sending more.",
  },
} as const satisfies Record<string, Failure>;

/** The stable code of a failure. */
export type FailureCode = keyof typeof failures;

/** A failure that may travel in a `failed` frame. */
export type WireFailureCode = {
  [Code in FailureCode]: (typeof failures)[Code]["wire"] extends 0 ? never : Code;
}[FailureCode];

const byWire = new Map<number, WireFailureCode>();
for (const [code, row] of Object.entries(failures)) if (row.wire !== 0) byWire.set(row.wire, code as WireFailureCode);

/** The code behind a number on the wire, or `undefined` for a number no row has. */
export function failureFromWire(wire: number): WireFailureCode | undefined {
  return byWire.get(wire);
}

/** What an error says beyond its code. `detail` is for developers and never holds plaintext, keys or identities. */
export interface ErrorDetails {
  readonly detail?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The only error Sotto throws on purpose. Branch on `code`; the message text may change at any time. */
export class SottoError extends Error {
  override readonly name = "SottoError";
  readonly code: FailureCode;
  /** True if the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** Milliseconds to wait before a retry, where the other side said so. */
  readonly retryAfterMs: number | undefined;
  /** What to do about it, in one plain sentence. */
  readonly remedy: string;

  constructor(code: FailureCode, details: ErrorDetails = {}) {
    const { remedy, retry } = failures[code];
    super(
      details.detail === undefined ? `${code}: ${remedy}` : `${code}: ${details.detail}. ${remedy}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.retryable = retry === "later";
    this.retryAfterMs = details.retryAfterMs;
    this.remedy = remedy;
  }
}
