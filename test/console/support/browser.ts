/** A real Chromium, and what a page did that it must not do. */

import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromiumPath } from "./chromium.js";

/** Starts Chromium. @throws Error that says how to get one. */
export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new Error("No Chromium here: install one (apt-get install chromium), or name it in CHROMIUM.");
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** What a page did. */
export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Addresses that were asked for. */
  readonly requests: readonly string[];
  /** Errors, warnings about the policy, dialogs. */
  readonly troubles: readonly string[];
}

/** Opens a page, and notes all it asks for. */
export async function watchedPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  // Nearly as long as a whole test: a passphrase alone costs seconds where the machine is busy.
  context.setDefaultTimeout(25_000);
  const page = await context.newPage();
  const requests: string[] = [];
  const troubles: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) troubles.push(message.text());
  });
  return { page, context, requests, troubles };
}
