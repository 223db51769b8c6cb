import { decodeWordsLayer, sealKeysOf, unseal } from "@sotto/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Escalation, Opening } from "../../server/desk/api.js";
import { fromBase64 } from "../../server/desk/base64.js";
import { wordsContext } from "../../server/desk/console/disclosed.js";
import { secretOf } from "../support/franking/realm.js";
import { launchChromium, watchedPage } from "./support/browser.js";
import { joinWithFile, openCase, openWords } from "./support/moderator.js";
import { accused, hexOf, reporter } from "./support/reported.js";
import { StubDesk } from "./support/stub-desk.js";

let browser: Browser;
let desk: StubDesk;
let page: Page;
beforeAll(async () => {
  [browser, desk] = await Promise.all([launchChromium(), StubDesk.open()]);
  page = (await watchedPage(browser)).page;
  await page.clock.install();
  await joinWithFile(page, desk);
});
afterAll(async () => {
  await browser?.close();
  await desk?.close();
});

const told = (what: string) => desk.calls.findLast((call) => call.what === what)?.value;

describe("working on a case", () => {
  test("begins with a key of the team, made in the browser and sealed to who made it", async () => {
    await page.getByText("Made a new key for the community team").waitFor();
    expect(told("newTeamKey")).toMatchObject({ team: "community", grants: [{ moderator: expect.any(String) }] });
    expect(JSON.stringify(desk.calls)).not.toContain("secretKey");
  });

  test("opens with a reason only", async () => {
    await page.goto(desk.caseUrl);
    await page.getByRole("button", { name: "Open words…" }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
    expect(told("open")).toBeUndefined();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "← Queue" }).click();
    await openCase(page, desk);
    expect(told("open")).toBe("A threat was reported.");
  });

  test("asks the reporter for the gaps that were chosen", async () => {
    await page.getByRole("button", { name: "Ask for context…" }).click();
    const dialog = page.getByRole("dialog", { name: "Ask for context" });
    await dialog.getByLabel("2 messages by Accused withheld here").check();
    await dialog.getByLabel("Note to the reporter").fill("What came before?");
    await dialog.getByRole("button", { name: "Ask the reporter" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(told("context")).toMatchObject({
      gaps: [{ account: hexOf(accused), after: 1, before: 4 }],
      note: "What came before?",
    });
  });

  test("says that a severe action waits for a second person", async () => {
    await page.getByRole("button", { name: "Act…" }).click();
    const dialog = page.getByRole("dialog", { name: "Act" });
    await dialog.getByLabel("Suspend").check();
    await dialog.getByText("A second person has to approve this").waitFor();
    await dialog.getByLabel("Rule", { exact: true }).fill("No threats.");
    await dialog.getByRole("button", { name: "Ask for approval" }).click();
    await page.getByText("Waits for a second person", { exact: true }).waitFor();
    expect(told("act")).toEqual({ kind: "suspend", category: "threat", rule: "No threats.", durationMs: 604_800_000 });
  });

  test("asks for a legal hold, which another lead has to agree to, and takes that back", async () => {
    await page.getByRole("button", { name: "Ask for a legal hold" }).click();
    await page.getByText("A legal hold was asked for by Mira; a second lead decides.").waitFor();
    expect(told("hold")).toBe("held");
    await page.getByRole("button", { name: "Withdraw" }).click();
    await page.getByRole("button", { name: "Ask for a legal hold" }).waitFor();
    expect(told("hold")).toBe("none");
  });

  test("seals the words anew to the team it is handed to", async () => {
    await page.getByRole("button", { name: "Escalate…" }).click();
    const dialog = page.getByRole("dialog", { name: "Escalate" });
    await dialog.getByLabel("Reason").fill("Credible threat.");
    await dialog.getByRole("button", { name: "Hand over" }).click();
    await dialog.waitFor({ state: "detached" });
    const { words, team } = told("escalate") as Escalation;
    expect(team).toBe("platform");
    const { realm, report, heads } = desk.lastOpening as { realm: string } & Opening["reports"][number];
    const about = wordsContext(realm, { report, reporter: hexOf(reporter) }, fromBase64(heads) ?? new Uint8Array());
    const sealed = fromBase64(words[0]?.sealed ?? "") ?? new Uint8Array();
    const opened = unseal(sealKeysOf(secretOf("platform key")).secretKey, about, sealed);
    expect(decodeWordsLayer(opened ?? new Uint8Array()).note).toContain("They do this every evening.");
  });

  test("closes by itself when its time is over", async () => {
    await page.getByRole("button", { name: "Close words" }).click();
    desk.openForMs = 60_000;
    await page.getByRole("button", { name: "Open words…" }).first().click();
    await page.getByLabel("Reason").fill("Once more.");
    await page.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
    await page.getByRole("list", { name: "Disclosed messages, oldest first" }).waitFor();
    await page.clock.fastForward(61_000);
    await page.getByText("its time was over").waitFor();
    expect(await page.content()).not.toContain("They wrote the same to me last week.");
  });

  test("closes when somebody goes elsewhere", async () => {
    desk.openForMs = 600_000;
    await page.clock.setFixedTime(Date.now());
    await page.getByRole("button", { name: "Open words…" }).first().click();
    await page.getByLabel("Reason").fill("And again.");
    await page.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
    await page.getByRole("list", { name: "Disclosed messages, oldest first" }).waitFor();
    const before = desk.calls.filter(({ what }) => what === "close").length;
    await page.getByRole("link", { name: "People" }).click();
    await page.getByRole("heading", { name: "People" }).waitFor();
    await expect.poll(() => desk.calls.filter(({ what }) => what === "close").length).toBeGreaterThan(before);
    expect(await page.content()).not.toContain("They wrote the same to me last week.");
  });

  test("closes at once when it is opened for nobody: whoever asked has gone on", async () => {
    for (const leave of [() => page.keyboard.press("Escape"), () => page.goto(`${desk.url}/#/people`)]) {
      await page.goto(desk.caseUrl);
      let opened: (answer: () => Promise<void>) => void = () => undefined;
      const opening = new Promise<() => Promise<void>>((resolve) => {
        opened = resolve;
      });
      await page.route("**/api/cases/*/open", (route) => opened(() => route.continue()), { times: 1 });
      await page.getByRole("button", { name: "Open words…" }).first().click();
      await page.getByLabel("Reason").fill("Out of curiosity.");
      await page.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
      const answer = await opening;
      await leave();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const before = desk.calls.filter(({ what }) => what === "close").length;
      await answer();
      await expect.poll(() => desk.calls.filter(({ what }) => what === "close").length).toBeGreaterThan(before);
      expect(await page.content()).not.toContain("They wrote the same to me last week.");
    }
  });

  test("closes before the session ends, when who opened it signs out", async () => {
    await page.goto(desk.caseUrl);
    await openWords(page, "A last look.");
    const before = desk.calls.length;
    // However long the desk takes to hear of it.
    await page.route("**/api/openings/*/close", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await route.continue();
    });
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(() => desk.calls.slice(before).map(({ what }) => what)).toEqual(["close", "logout"]);
  });
});
