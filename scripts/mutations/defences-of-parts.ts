/** The defences of reports outside of `protocol/frank`: in clients, at the relay, and at the desk. By the numbers of the attack table. */

import type { Defence } from "./defences.js";

const FITTING = "sdk/core/inbox/fitting.ts";
const HANDED_OVER = "sdk/core/franking/handed-over.ts";
const WRITER = "sdk/core/conversations/content-writer.ts";
const DOCUMENT = "sdk/core/franking/realm-document.ts";
const ASKS = "sdk/core/franking/desk-asks.ts";
const ANSWERS = "server/desk/issuer/answers.ts";
const OPENINGS = "server/desk/cases/openings.ts";
const ACTIONS = "server/desk/actions/actions.ts";
const FILING = "server/desk/triage/filing.ts";

const scenario = (name: string) => `test/attacks/frank/scenarios/${name}.test.ts`;
const PATCHED_SENDER = "test/scenarios/franking/patched-sender.test.ts";
const FITTING_TESTS = "test/sdk/core/inbox/fitting.test.ts";
const REALM_TESTS = "test/sdk/core/franking/realm.test.ts";
const STAMP_TESTS = "test/server/relay/stamps.test.ts";
const CASEWORK_TESTS = "test/server/desk/casework.test.ts";
const HANDED_OVER_TESTS = "test/sdk/core/franking/handed-over.test.ts";
const ACTION_TESTS = "test/server/desk/actions.test.ts";

type Cut = readonly [file: string, cut: string, put: string];

function row(attacks: readonly number[], name: string, cuts: readonly Cut[], ...tests: readonly string[]): Defence {
  return { attacks, name, cuts: cuts.map(([file, cut, put]) => ({ file, cut, put })), tests };
}

/** All of them. */
export const defencesOfParts: readonly Defence[] = [
  row(
    [5, 14],
    "a client: words name who sent them",
    [
      [
        FITTING,
        "content.sender === account && content.device === device && content.conversation",
        "content.conversation",
      ],
    ],
    FITTING_TESTS,
  ),
  row(
    [14],
    "a client: words name the conversation they came in",
    [
      [
        FITTING,
        " && content.device === device && content.conversation === conversation;",
        " && content.device === device || conversation === undefined;",
      ],
    ],
    FITTING_TESTS,
  ),
  row(
    [5, 27],
    "a client: nothing is shown that did not pass",
    [
      [
        "sdk/core/franking/genuine.ts",
        'return checked.kind === "refused" ? checked : new Genuine(wording, checked.evidence);',
        'return new Genuine(wording, checked.kind === "refused" ? undefined : checked.evidence);',
      ],
    ],
    PATCHED_SENDER,
  ),
  row(
    [5],
    "a client: only receipts and typing go without a frank",
    [
      [
        "sdk/core/franking/genuine.ts",
        'return kind === "receipt" || kind === "typing";',
        'return kind === "receipt" || kind === "typing" || kind === "reaction";',
      ],
    ],
    PATCHED_SENDER,
  ),
  row(
    [5],
    "a client: a conversation takes what was checked, and nothing that looks like it",
    [[WRITER, 'if (!Genuine.is(incoming.said)) throw new Error("words that nobody checked");', ""]],
    HANDED_OVER_TESTS,
  ),
  row(
    [13],
    "a client: a message is shown once",
    [[WRITER, "if (before !== undefined) return this.again({ ...arriving, resolving }, before);", ""]],
    "test/sdk/core/conversations/content-writer.test.ts",
  ),
  row(
    [1, 5],
    "a client: evidence of own devices is of these words",
    [
      [
        HANDED_OVER,
        "return isBy && isOf && isPast ? read : undefined;",
        "void isOf;\n    return isBy && isPast ? read : undefined;",
      ],
    ],
    HANDED_OVER_TESTS,
  ),
  row(
    [2],
    "a client: evidence of own devices is of who said it",
    [
      [
        HANDED_OVER,
        "return isBy && isOf && isPast ? read : undefined;",
        "void isBy;\n    return isOf && isPast ? read : undefined;",
      ],
    ],
    HANDED_OVER_TESTS,
  ),
  row(
    [12, 16],
    "a client: an older manifest does not come back",
    [
      [
        DOCUMENT,
        'if (!isSame && !mayFollow(held.manifest, next.manifest)) return { kind: "refused", reason: "older" };',
        "",
      ],
    ],
    REALM_TESTS,
  ),
  row(
    [12],
    "a client: an older feed does not come back",
    [[DOCUMENT, 'if (next.feedMs < held.feedMs) return { kind: "refused", reason: "older" };', ""]],
    REALM_TESTS,
  ),
  row(
    [12],
    "a client: the feed is looked up",
    [[DOCUMENT, "if (found === wanted) return true;", ""]],
    REALM_TESTS,
    scenario("stolen-tokens"),
  ),
  row(
    [20],
    "a client: the desk's word on a stamp is the desk's",
    [[ASKS, "if (!equalBytes(expected, answer.mac))", "if (expected.length !== answer.mac.length)"]],
    scenario("relay-cheats"),
  ),
  row(
    [23],
    "a client: by itself it shows the desk nothing of a group",
    [["sdk/core/franking/relay-check.ts", "return head.path.length === 0;", "return head.path.length >= 0;"]],
    "test/sdk/core/franking/relay-check.test.ts",
  ),
  row(
    [20],
    "the desk says of a stamp whether it is one",
    [
      [
        ANSWERS,
        'return equalBytes(made, shown) ? "good" : "bad";',
        'return made.length === shown.length ? "good" : "bad";',
      ],
    ],
    scenario("relay-cheats"),
    "test/server/desk/stamp-check.test.ts",
  ),
  row(
    [20],
    "the desk says it of what came to who asks",
    [
      [
        ANSWERS,
        "const made = stamp(key, realm, { commitment, recipient: accountIdToBytes(account), acceptedMs });",
        "const recipient = accountIdToBytes(account).fill(0);\n  const made = stamp(key, realm, { commitment, recipient, acceptedMs });",
      ],
    ],
    "test/server/desk/stamp-check.test.ts",
  ),
  row(
    [8],
    "a client: what others saw is compared",
    [
      [
        "sdk/core/reports/views.ts",
        "const unseen = first < 0 ? 0 : isHere.slice(first).filter((known) => !known).length;",
        "const unseen = first < 0 ? 0 : isHere.slice(first, first + 1).filter((known) => !known).length;",
      ],
    ],
    "test/sdk/core/reports/views.test.ts",
    scenario("views"),
  ),
  row(
    [20, 27],
    "the relay: what is stored has a commitment",
    [
      [
        "server/relay/commitment.ts",
        'return (frame.storage === "stored") === (frame.commitment !== undefined);',
        'return frame.storage === "stored" || frame.commitment === undefined;',
      ],
    ],
    STAMP_TESTS,
  ),
  row(
    [4],
    "the relay: a stamp is for the account it is delivered to",
    [
      [
        "server/relay/mailbox-stream.ts",
        "this.rules.stamps.of({ commitment, recipient: this.stampedFor, acceptedMs })",
        "this.rules.stamps.of({ commitment, recipient: this.stampedFor.slice().fill(0), acceptedMs })",
      ],
    ],
    STAMP_TESTS,
  ),
  row(
    [13],
    "the relay: an id that was used stamps nothing else",
    [
      [
        "server/store/ordered/mailboxes.ts",
        'return { kind: mark.equals(now) ? "repeated" : "reused", acceptedMs };',
        'void [mark, now];\n  return { kind: "repeated", acceptedMs };',
      ],
    ],
    STAMP_TESTS,
  ),
  row(
    [17],
    "the desk: opening takes a claim",
    [
      [
        OPENINGS,
        'if (isSecond && !(await this.#isAsked(by, row))) throw new DeskError("conflict", "Claim the case first.");',
        "void isSecond;",
      ],
    ],
    CASEWORK_TESTS,
  ),
  row(
    [17],
    "the desk: opening takes a reason",
    [[OPENINGS, "const why = brief(reason);", "const why = reason;"]],
    CASEWORK_TESTS,
  ),
  row(
    [17],
    "the desk: opening is logged",
    [
      [
        OPENINGS,
        'draft.log.push({ by: by.id, what: "opened", about: id, detail: { opening, reason: why, reports: kept.length } });',
        "void why;",
      ],
    ],
    CASEWORK_TESTS,
  ),
  row(
    [17],
    "the desk: what is severe takes two",
    [[ACTIONS, "if (isSevere(fit.kind, fit.durationMs)) {", "if (false) {"]],
    ACTION_TESTS,
  ),
  row(
    [17],
    "the desk: nobody approves what they asked for",
    [
      [
        ACTIONS,
        'if (action.by === by.id) throw new DeskError("notAllowed", "Somebody else has to decide on what you asked for.");',
        "",
      ],
      ["server/desk/people/permissions.ts", "if (by.id === proposer || by.left", "void proposer;\n  if (by.left"],
    ],
    ACTION_TESTS,
  ),
  row(
    [17],
    "the desk: an appeal is decided by somebody else",
    [[ACTIONS, "if (row.decidedBy.includes(by.id))", "if (false)"]],
    ACTION_TESTS,
  ),
  row(
    [17],
    "the desk: keys that prove anything are destroyed in time",
    [
      [
        "server/desk/keys/upkeep.ts",
        "return nowMs < endOf(epoch) + REPORT_WINDOW_MS + SLACK_MS;",
        "return nowMs >= endOf(epoch) || nowMs < endOf(epoch) + REPORT_WINDOW_MS + SLACK_MS;",
      ],
    ],
    scenario("restore-drill"),
  ),
  row(
    [22],
    "the desk: a day has room for so many reports of one account on another",
    [[FILING, "|| ofPair >= settings.reportsPerPairPerDay;", "|| ofPair < 0;"]],
    "test/server/desk/triage.test.ts",
  ),
  row(
    [22],
    "the desk: many voices do not come before a child in danger",
    [
      [
        "server/desk/cases/priority.ts",
        "Math.min(reporters, MAX_VOICES)",
        "Math.max(reporters, MAX_VOICES - MAX_VOICES)",
      ],
    ],
    "test/server/desk/numbers.test.ts",
  ),
  row(
    [22],
    "the desk: a burst of alike counts once",
    [["server/desk/cases/priority.ts", 'brigading === "yes" ? 1 : ', 'brigading === "maybe" ? 1 : ']],
    "test/server/desk/numbers.test.ts",
  ),
];
