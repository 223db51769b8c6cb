/** What reporters do in scenarios: draft once the moderators' key came, submit, wait for a stage, look back. */

import { type Client, type Report, type Reportable, type ReportDraft, SottoError, type Where } from "@sotto/sdk/node";
import { until } from "../../support/group-people.js";

/** A draft, as soon as this client heard that there are moderators. */
export async function draftable(client: Client, draft: () => Promise<ReportDraft>): Promise<ReportDraft> {
  let drafted: ReportDraft | undefined;
  await until(async () => {
    drafted = await draft().catch((error: unknown) => {
      if (error instanceof SottoError && error.code === "deskUnready") return undefined;
      throw error;
    });
    return drafted !== undefined;
  }, `a key of the moderators at ${client.accountId}`);
  return drafted as ReportDraft;
}

/** Submits a draft with consent to it, and waits until the relay has it. */
export async function submitted(client: Client, draft: ReportDraft): Promise<Report> {
  const { id } = await draft.submit({ consent: draft.disclosure.hash });
  return stands(client, id, ({ stage }) => stage !== "waiting");
}

/** A report, once it stands as wanted. */
export async function stands(client: Client, id: string, fits: (report: Report) => boolean): Promise<Report> {
  let seen: Report | undefined;
  await until(async () => {
    seen = await client.reports.get(id);
    return seen !== undefined && fits(seen);
  }, `a stage of report ${id}`);
  return seen as Report;
}

/** Everything that a client can show to moderators of a conversation. */
export async function reportable(client: Client, where: Where): Promise<readonly Reportable[]> {
  const found: Reportable[] = [];
  for await (const one of client.reports.reportable(where)) found.push(one);
  return found;
}
