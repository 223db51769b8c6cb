/** Somebody at the console: what they do over and over, by the names on screen. */

import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { invitationCode, type StubDesk } from "./stub-desk.js";

/** What the tests' moderator types. */
export const passphrase = "correct horse battery staple";

/** Takes up the stub's invitation with a key file, and signs in. Answers the file's text. */
export function joinWithFile(page: Page, desk: StubDesk): Promise<string> {
  return joinBy(page, `${desk.url}/#invite=${invitationCode}`);
}

/** Takes up an invitation with a key file, and signs in. Answers the file's text. */
export async function joinBy(page: Page, link: string): Promise<string> {
  await page.goto(link);
  await page.getByLabel("Key file and passphrase").check();
  await page.getByLabel("Passphrase", { exact: true }).fill(passphrase);
  await page.getByLabel("Passphrase again").fill(passphrase);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Make my key" }).click();
  const file = await readFile(await (await saved).path(), "utf8");
  await page.getByRole("button", { name: "I kept it: sign in" }).click();
  await page.getByRole("heading", { name: "Queue" }).waitFor();
  return file;
}

/** Goes to the case, claims it, and opens its words. */
export async function openCase(page: Page, desk: StubDesk): Promise<void> {
  await page.goto(desk.caseUrl);
  await page.getByRole("button", { name: "Claim" }).click();
  await openWords(page, "A threat was reported.");
}

/** Opens the words of the claimed case on screen. */
export async function openWords(page: Page, reason: string): Promise<void> {
  await page.getByRole("button", { name: "Release" }).waitFor();
  await page.getByRole("button", { name: "Open words…" }).first().click();
  await page.getByLabel("Reason").fill(reason);
  await page.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
  await page.getByRole("list", { name: "Disclosed messages, oldest first" }).waitFor();
}

/** The opened thread as it reads: `who: words` of each message, and the gaps between them. */
export async function threadOf(page: Page): Promise<readonly string[]> {
  const thread = page.getByRole("list", { name: "Disclosed messages, oldest first" });
  const rows = await thread.getByRole("listitem").all();
  const read = rows.map(async (row) => {
    const article = row.getByRole("article");
    if ((await article.count()) === 0) return (await row.innerText()).split("\n")[0] ?? "";
    const by = (await article.getAttribute("aria-label"))?.replace("Message by ", "");
    return `${by}: ${await article.locator(".message-words").innerText()}`;
  });
  return (await Promise.all(read)).filter((line) => !line.startsWith("Conversation "));
}

/** Has a lead invite a moderator of the community team. Answers the link. */
export async function inviteFrom(page: Page, name: string): Promise<string> {
  await page.getByRole("link", { name: "People" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make an invitation link" }).click();
  const made = page.getByRole("status").filter({ hasText: `For ${name}` });
  return made.getByText("#invite=").innerText();
}

/** Has somebody on the page People seal what another one waits for, once the fingerprints on both screens are the same. */
export async function sealKeysTo(page: Page, other: Page, name: string): Promise<void> {
  const own = await other.getByRole("main").getByText(fingerprint).first().innerText();
  await page.getByRole("button", { name: "Refresh" }).click();
  const listed = page.getByRole("list", { name: "People waiting for a team key" }).getByRole("listitem");
  await listed.filter({ hasText: name }).filter({ hasText: own }).getByRole("button").click();
  const dialog = page.getByRole("dialog", { name: `to ${name}` });
  await dialog.getByText(own).waitFor();
  await dialog.getByRole("button", { name: `to ${name}` }).click();
  await page.getByText(`to ${name}.`).waitFor();
}

const fingerprint = /^\d{5}( \d{5}){4}$/;
