import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium, type Watched, watchedPage } from "./support/browser.js";
import { hostileWords } from "./support/hostile-case.js";
import { joinWithFile, openCase } from "./support/moderator.js";
import { StubDesk } from "./support/stub-desk.js";

let browser: Browser;
let desk: StubDesk;
let watched: Watched;
beforeAll(async () => {
  [browser, desk] = await Promise.all([launchChromium(), StubDesk.open()]);
  watched = await watchedPage(browser);
  await joinWithFile(watched.page, desk);
  await openCase(watched.page, desk);
});
afterAll(async () => {
  await browser?.close();
  await desk?.close();
});

describe("hostile content in an opened case", () => {
  test("is text: nothing of it runs, is fetched or becomes part of the page", async () => {
    const { page, requests, troubles } = watched;
    const thread = page.getByRole("list", { name: "Disclosed messages, oldest first" });
    const words = (await thread.innerText()).replaceAll(/\s+/g, " ");
    for (const hostile of [hostileWords.script, hostileWords.link, hostileWords.css, hostileWords.svg])
      expect(words).toContain(hostile.replaceAll(/\s+/g, " "));

    const parts = await thread.evaluate((list: { querySelectorAll(selector: string): { length: number } }) =>
      ["a", "script", "style", "img", "iframe", "object", "embed", "link", "[style]", "[onload]", "[onerror]"].map(
        (selector) => list.querySelectorAll(selector).length,
      ),
    );
    expect(parts.every((count) => count === 0)).toBe(true);
    expect(await page.evaluate("window.hurt")).toBeUndefined();
    expect(await page.evaluate("getComputedStyle(document.body).display")).not.toBe("none");
    const strangers = requests.filter((url) => !url.startsWith(desk.url) && !url.startsWith("blob:"));
    expect(strangers).toEqual([]);
    expect(requests.some((url) => url.includes("/api/blobs/"))).toBe(false);
    expect(troubles).toEqual([]);
  });

  test("shows what is invisible, and does not turn the reading direction around", async () => {
    const { page } = watched;
    await page.getByTitle("right-to-left override").first().waitFor();
    await page.getByTitle("zero-width space").first().waitFor();
    expect(await page.evaluate("document.body.innerText.includes('\\u202E')")).toBe(false);
    expect(await page.evaluate("document.body.innerText.includes('\\u200B')")).toBe(false);
  });

  test("shows gaps, edits, spliced conversations, and refuses words that were never sent", async () => {
    const { page } = watched;
    await page.getByText("2 messages by Accused withheld here").waitFor();
    await page.getByText("These messages come from 2 different conversations").waitFor();
    await page.getByRole("list", { name: "Edits, oldest first" }).getByText("I never wrote anything.").waitFor();
    await page.getByText("Taken back for everyone").waitFor();
    await page.getByText("The words are not those that were sent.").waitFor();
    expect(await page.getByText("words that were never sent").count()).toBe(0);
  });

  test("fetches a picture on a click only, checks it, and blurs it", async () => {
    const { page } = watched;
    expect(desk.blobsAsked).toEqual([]);
    await page.getByRole("button", { name: "Show picture 1, blurred" }).click();
    const picture = page.getByRole("img", { name: "Picture 1" });
    await picture.waitFor();
    expect(desk.blobsAsked).toHaveLength(1);
    const filter = (element: unknown) =>
      (globalThis as never as { getComputedStyle(of: unknown): { filter: string } }).getComputedStyle(element).filter;
    expect(await picture.evaluate(filter)).toContain("blur");
    await page.getByRole("button", { name: "Remove the blur" }).click();
    await expect.poll(() => picture.evaluate(filter)).toBe("none");
  });

  test("shows no SVG, whatever it is called, and no file but as a download under a harmless name", async () => {
    const { page } = watched;
    await page.getByRole("button", { name: "Show picture 2, blurred" }).click();
    await page.getByText("This is no picture, sound or film that is shown here").waitFor();
    await page.getByRole("button", { name: "Download file 3…" }).click();
    const saving = page.waitForEvent("download");
    await page.getByRole("dialog").getByRole("button", { name: "Download anyway" }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toMatch(/^reported-[0-9a-f]{8}\.bin$/);
    expect((await readFile(await saved.path())).length).toBe(9_000);
    expect(await page.evaluate("window.hurt")).toBeUndefined();
    expect(watched.troubles).toEqual([]);
  });

  test("is gone from the page when the case is closed, and the desk hears of it", async () => {
    const { page } = watched;
    expect(await page.content()).toContain("They wrote the same to me last week.");
    await page.getByRole("button", { name: "Close words" }).click();
    await page.getByRole("heading", { name: "The words are sealed" }).waitFor();
    expect(await page.content()).not.toContain("They wrote the same to me last week.");
    await expect.poll(() => desk.calls.some(({ what }) => what === "close")).toBe(true);
  });
});
