import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium, watchedPage } from "./support/browser.js";
import { joinWithFile, openCase } from "./support/moderator.js";
import { StubDesk } from "./support/stub-desk.js";

let browser: Browser;
let desk: StubDesk;
let page: Page;
beforeAll(async () => {
  [browser, desk] = await Promise.all([launchChromium(), StubDesk.open()]);
  page = (await watchedPage(browser)).page;
  await joinWithFile(page, desk);
});
afterAll(async () => {
  await browser?.close();
  await desk?.close();
});

const focusedText = () => page.evaluate("document.activeElement?.textContent");

describe("the console", () => {
  test("is worked by keys: j, k, c, Enter, o, ?", async () => {
    await page.getByRole("link", { name: "Threat" }).waitFor();
    await page.keyboard.press("j");
    expect(await focusedText()).toBe("Threat");
    await page.keyboard.press("j");
    expect(await focusedText()).toBe("Self-harm");
    await page.keyboard.press("k");
    await page.keyboard.press("c");
    await page.getByRole("cell", { name: "You" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Threat" }).waitFor();
    await page.keyboard.press("o");
    await page.getByRole("dialog", { name: "Open the words of this case" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("q");
    await page.getByRole("heading", { level: 1, name: "Queue" }).waitFor();
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard" });
    await help.getByLabel("Single keys do this").uncheck();
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
    await page.keyboard.press("?");
    expect(await help.count()).toBe(0);
    await page.getByRole("button", { name: "Keyboard help" }).click();
    await help.getByLabel("Single keys do this").check();
    await page.keyboard.press("Escape");
  });

  test("hears a key as soon as what it is for is on the page", async () => {
    // Pressed by the page itself, in the same turn in which the case appears.
    await page.evaluate(`new MutationObserver((_changes, watching) => {
      if (document.querySelector("#case-title") === null) return;
      watching.disconnect();
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "o" }));
    }).observe(document.body, { childList: true, subtree: true })`);
    await page.getByRole("link", { name: "Threat" }).click();
    await page.getByRole("dialog", { name: "Open the words of this case" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "← Queue" }).click();
  });

  test("filters the queue, and keeps what nothing proves apart", async () => {
    const rows = page.getByRole("table", { name: "Cases", exact: true }).getByRole("row");
    await expect.poll(() => rows.count()).toBe(7);
    await page.getByLabel("Category").selectOption({ label: "Hate" });
    await expect.poll(() => rows.count()).toBe(2);
    await page.getByLabel("Category").selectOption({ label: "All categories" });
    await page.getByText("Low trust: 1 case").click();
    await page.getByRole("table", { name: "Low-trust cases" }).getByText("Unverified").waitFor();
  });

  test("has room at 320 CSS px, as on a screen enlarged to 400 %: nothing scrolls sideways", async () => {
    await page.setViewportSize({ width: 320, height: 256 });
    for (const place of ["queue", "approvals", "audit", "transparency", "people"]) {
      await page.goto(`${desk.url}/#/${place}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
    }
    await openCaseAgain();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
    await page.getByRole("button", { name: "Act…" }).click();
    const dialog = page.getByRole("dialog", { name: "Act" });
    await dialog.waitFor();
    expect(await page.evaluate("document.querySelector('dialog').scrollWidth")).toBeLessThanOrEqual(320);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.setViewportSize({ width: 1280, height: 860 });
  });

  test("names every field, button and link, and has its landmarks once", async () => {
    const nameless = await page.evaluate(`[...document.querySelectorAll("input, select, textarea, button, a")]
      .filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute("aria-label"))).length`);
    expect(nameless).toBe(0);
    expect(await page.getByRole("main").count()).toBe(1);
    expect(await page.getByRole("navigation", { name: "Console" }).count()).toBe(1);
    expect(await page.evaluate("document.documentElement.lang")).toBe("en");
  });

  test("is light or dark at a click, and stays so", async () => {
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await page.getByRole("button", { name: "Colours: As the system" }).click();
    await page.getByRole("button", { name: "Colours: Light" }).click();
    await page.getByRole("button", { name: "Colours: Dark" }).waitFor();
    expect(await ground()).not.toBe(light);
  });

  async function openCaseAgain(): Promise<void> {
    await page.goto(desk.caseUrl);
    await page.getByRole("button", { name: "Release" }).click();
    await openCase(page, desk);
  }
});

test("text stands out from its ground by 4.5 to 1 or more, in both colours", async () => {
  const css = await readFile(new URL("../../server/desk/console/styles/base.css", import.meta.url), "utf8");
  const colours = new Map(
    [...css.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, ...both]) => [
      name,
      both,
    ]),
  );
  const grounds = ["ground", "surface", "raised", "sunken"];
  const pairs = [
    ...grounds.flatMap((ground) => ["ink", "ink-soft", "accent", "bad"].map((ink) => [ink, ground])),
    ...["accent", "good", "doubt", "bad", "violet"].map((ink) => [ink, `${ink}-soft`]),
    ...["surface", "ground"].map((ground) => ["doubt", ground]),
  ];
  for (const [ink = "", ground = ""] of pairs) {
    for (const theme of [0, 1]) {
      const [one = "", other = ""] = [colours.get(ink)?.[theme], colours.get(ground)?.[theme]];
      expect(contrast(one, other), `${ink} on ${ground} ${theme}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  for (const fill of ["accent-fill", "bad-fill"]) {
    for (const colour of colours.get(fill) ?? [""])
      expect(contrast("#ffffff", colour), fill).toBeGreaterThanOrEqual(4.5);
  }
});

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [lower = 0, higher = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (higher + 0.05) / (lower + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
