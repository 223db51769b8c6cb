import { randomBytes } from "node:crypto";
import {
  deskKeyOf,
  encodeHeadLayer,
  encodeWordsLayer,
  type HeadLayer,
  headLayerHash,
  layerContext,
  seal,
  teams,
} from "@sotto/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Console, openConsole } from "../../server/desk/http/console.js";
import { openDesk, realmOfDesk, type TestDesk, triageKeyOf } from "../server/desk/desk-of.js";
import { arrive, say, someoneEnrolled } from "../server/desk/report-of.js";
import { launchChromium, watchedPage } from "./support/browser.js";
import { joinBy, sealKeysTo } from "./support/moderator.js";

let browser: Browser;
let desk: TestDesk;
let served: Console;
beforeAll(async () => {
  [browser, desk] = await Promise.all([launchChromium(), openDesk()]);
  served = await openConsole({
    ...{ service: desk.desk, host: "127.0.0.1", port: 0, publicHost: undefined, peer: "socket" },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    clock: { now: () => desk.nowMs, monotonic: () => performance.now() } as never,
    blobs: (id) => `http://127.0.0.1:9/${id}`,
  });
});
afterAll(async () => {
  await browser?.close();
  await served?.close();
  await desk?.desk.close();
});

const url = () => served.url.replace("127.0.0.1", "localhost");

/** A page whose clock is the desk's. */
async function newcomer(code: string): Promise<Page> {
  const { page } = await watchedPage(browser);
  await page.clock.install({ time: desk.nowMs });
  await joinBy(page, `${url()}/#invite=${code}`);
  return page;
}

/** A report that is sealed to the key the realm publishes for the team. */
async function report(text: string): Promise<void> {
  const [reporter, accused] = [await someoneEnrolled(desk), await someoneEnrolled(desk)];
  const { evidence, committed } = await say(desk, accused, reporter.account, text);
  const team = deskKeyOf(realmOfDesk(desk).manifest, "community", desk.nowMs);
  if (team === undefined) throw new Error("no key of the team is published");
  const id = new Uint8Array(randomBytes(16));
  const layer: HeadLayer = {
    ...{ kind: "report", category: "threat", accused: accused.account, about: undefined },
    ...{ team: "community", teamKey: team.id, items: [{ role: "reported", head: evidence.head }] },
  };
  const heads = encodeHeadLayer(layer);
  const headHash = headLayerHash(heads);
  const words = encodeWordsLayer({
    headHash,
    note: "help",
    items: [{ wordsKey: evidence.wordsKey, committed, blobs: [] }],
  });
  const about = { id, reporter: reporter.account };
  desk.relay.leave({
    ...{ report: id, reporter: reporter.account, receivedMs: desk.nowMs },
    heads: seal(triageKeyOf(desk).key, layerContext(desk.realm, { ...about, layer: "heads" }), heads),
    words: seal(team.key, layerContext(desk.realm, { ...about, layer: "words", headHash }), words),
  });
  await arrive(desk);
}

describe("the console at the real desk", () => {
  let lead: Page;
  let second: Page;

  test("lets the first lead in, whose browser makes the teams' keys", async () => {
    const { code } = await desk.desk.inviteByOperator({ name: "Mira", role: "lead", teams });
    lead = await newcomer(code);
    await lead.getByText("Made a new key for the safety team").waitFor();
    await desk.desk.settled();
    expect(
      realmOfDesk(desk)
        .manifest.deskKeys.map(({ role }) => role)
        .sort(),
    ).toEqual([...teams, "triage"].sort());
  });

  test("shows what was said to somebody who claims the case and gives a reason", async () => {
    await report("I know where you live.");
    await lead.getByRole("button", { name: "Refresh" }).click();
    await lead.getByRole("link", { name: "Threat" }).click();
    await lead.getByRole("button", { name: "Claim" }).click();
    await lead.getByRole("button", { name: "Release" }).waitFor();
    await lead.getByRole("button", { name: "Open words…" }).first().click();
    await lead.getByLabel("Reason").fill("A threat is alleged.");
    await lead.getByRole("dialog").getByRole("button", { name: "Open words" }).click();
    await lead.getByText("I know where you live.").waitFor();
    expect(desk.rows.dump().includes(Buffer.from("I know where you live."))).toBe(false);
  });

  test("asks a second person for what is severe, whom the first invites and seals the keys to", async () => {
    await lead.getByRole("button", { name: "Act…" }).click();
    await lead.getByLabel("Suspend").check();
    await lead.getByLabel("Rule", { exact: true }).fill("No threats.");
    await lead.getByRole("button", { name: "Ask for approval" }).click();
    await lead.getByText("Waits for a second person", { exact: true }).waitFor();
    await lead.getByRole("link", { name: "People" }).click();
    await lead.getByLabel("Name", { exact: true }).fill("Nora");
    await lead.getByRole("button", { name: "Make an invitation link" }).click();
    const link = await lead.getByText("#invite=").innerText();
    second = await newcomer(link.slice(link.indexOf("=") + 1));
    await sealKeysTo(lead, second, "Nora");

    await second.getByRole("link", { name: "Approvals" }).click();
    await second.getByText("No threats.").waitFor();
    expect(desk.sanctions()).toEqual([]);
    await second.getByRole("button", { name: "Approve" }).click();
    await second.getByText("Nothing waits for a second person.").waitFor();
    await desk.desk.settled();
    expect(desk.sanctions().map(({ kind }) => kind)).toEqual(["suspend"]);
  });

  test("keeps a log that the lead's browser checks, and says what a moderator may not see", async () => {
    await lead.getByRole("link", { name: "Audit log" }).click();
    await lead.getByText("Checked in this browser").waitFor();
    await lead.getByText("reason: A threat is alleged.").waitFor();
    expect(await second.getByRole("link", { name: "Audit log" }).count()).toBe(0);
    await second.getByRole("link", { name: "Transparency" }).click();
    await second.getByRole("row", { name: /^All/ }).waitFor();
  });
});
