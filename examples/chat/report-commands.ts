/** Commands about reports to the community's moderators: what would leave is shown first, and leaves only if that is agreed to. */

import { type Client, type Disclosure, type ReportCategory, type ReportDraft, reportCategories } from "@sotto/sdk/node";
import type { CommandParts, Commands } from "./command.js";
import { harmless } from "./words.js";

/** What was shown last and not agreed to yet. */
const shown = new WeakMap<Client, ReportDraft>();
/** Messages before the reported one that go with it. */
const CONTEXT = 3;
const USAGE = `/report N CATEGORY WORDS reports message N. Categories: ${reportCategories.join(", ")}.`;

/** What would leave this device, line by line. */
function disclosureLines({ messages, category, team, note, relaySees }: Disclosure): readonly string[] {
  return [
    `To the ${team} moderators, for ${category}. They would read:`,
    ...messages.map(({ role, said, attachments }) => {
      const words = "text" in said && said.text !== undefined ? harmless(said.text) : said.kind;
      const files = attachments.length === 0 ? "" : ` (${attachments.length} attached, not opened)`;
      return `  ${role}: ${words}${files}`;
    }),
    ...(note === "" ? [] : [`  your words: ${harmless(note)}`]),
    `The relay sees that you sent ${relaySees.sizeBytes} sealed bytes, and when.`,
    "/report yes sends it, /report no does not.",
  ];
}

function isCategory(text: string): text is ReportCategory {
  return (reportCategories as readonly string[]).includes(text);
}

async function prepare({ client, room, transcript, say }: CommandParts, argument: string): Promise<void> {
  const [, number = "", category = "", note = ""] = /^(\d+)\s+(\w+)\s*(.*)$/s.exec(argument) ?? [];
  const message = transcript.numbered(Number(number));
  if (message === undefined || !isCategory(category)) return say([USAGE]);
  const draft = await room.conversation.draftReport([message], { category, note, context: CONTEXT });
  shown.set(client, draft);
  say(disclosureLines(draft.disclosure));
}

async function agree({ client, say }: CommandParts): Promise<void> {
  const draft = shown.get(client);
  if (draft === undefined) return say(["There is no report to agree to.", USAGE]);
  await draft.submit({ consent: draft.disclosure.hash });
  shown.delete(client);
  say(["Reported. /reports says how it stands; /block or /leave if you want nothing more of them."]);
}

/** The commands by name. */
export const reportCommands: Commands = {
  report: async (parts, argument) => {
    if (argument === "yes") return agree(parts);
    if (argument !== "no") return prepare(parts, argument);
    shown.delete(parts.client);
    parts.say(["Nothing was sent."]);
  },
  reports: async ({ client, say }) => {
    const reports = await client.reports.list();
    const statements = await client.moderation.statements();
    say([
      ...reports.map(({ id, stage, made }) => `  ${id.slice(0, 8)}  ${made?.category ?? "made elsewhere"}: ${stage}`),
      ...statements.map(({ sanction, rule }) => `  against you: ${sanction}, because: ${harmless(rule)}`),
      reports.length === 0 ? "You reported nothing." : "What moderators did to somebody else they tell nobody.",
    ]);
  },
};
