/** How whoever comes first gets to work at a desk. */

import { teams } from "@sotto/protocol";
import type { Desk } from "./index.js";

/** Where an invitation is taken up. The code stands behind the `#`, which no server and no log is told. */
export function invitationLink(url: string, code: string): string {
  return `${url.replace(/\/$/, "")}/#invite=${code}`;
}

/** The link with which whoever comes first becomes a lead; `undefined` once anybody works here. */
export async function firstInvitation(desk: Desk, url: string): Promise<string | undefined> {
  if ((await desk.state()).hasModerators) return undefined;
  const { code } = await desk.inviteByOperator({ name: "First lead", role: "lead", teams });
  return invitationLink(url, code);
}
