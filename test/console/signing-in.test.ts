import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium, watchedPage } from "./support/browser.js";
import { joinWithFile, passphrase } from "./support/moderator.js";
import { invitationCode, StubDesk } from "./support/stub-desk.js";

let browser: Browser;
let desk: StubDesk;
beforeAll(async () => {
  [browser, desk] = await Promise.all([launchChromium(), StubDesk.open()]);
});
afterAll(async () => {
  await browser?.close();
  await desk?.close();
});

describe("signing in", () => {
  test("goes by a key file that was made here, and by its passphrase only", async () => {
    const { page, context, requests } = await watchedPage(browser);
    const file = {
      name: "key.json",
      mimeType: "application/json",
      buffer: Buffer.from(await joinWithFile(page, desk)),
    };
    expect(requests.some((url) => url.includes(invitationCode))).toBe(false);
    expect(page.url()).not.toContain(invitationCode);
    await page.getByRole("button", { name: "Sign out" }).click();

    await page.getByLabel("Key file", { exact: true }).setInputFiles(file);
    await page.getByLabel("Passphrase").fill("something else entirely");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("That passphrase does not open this key file.").waitFor();
    await page.getByLabel("Passphrase").fill(passphrase);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Queue" }).waitFor();
    const kept = await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])");
    expect(kept).toBe('[{},{},""]');
    await context.close();
  });

  test("is not ended by a call of the session before, that is answered late", async () => {
    const { page, context } = await watchedPage(browser);
    const file = await joinWithFile(page, desk);
    const notSignedIn = JSON.stringify({ error: { code: "notSignedIn", message: "Sign in again." } });
    let called: (answer: () => Promise<void>) => void = () => undefined;
    const call = new Promise<() => Promise<void>>((resolve) => {
      called = resolve;
    });
    const late = { status: 401, contentType: "application/json", body: notSignedIn };
    await page.route("**/api/me", (route) => called(() => route.fulfill(late)), { times: 1 });
    await page.goto(`${desk.url}/#/audit`);
    const answer = await call;
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Key file", { exact: true }).setInputFiles({
      ...{ name: "key.json", mimeType: "application/json", buffer: Buffer.from(file) },
    });
    await page.getByLabel("Passphrase").fill(passphrase);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    const answered = page.waitForResponse((response) => response.status() === 401);
    await answer();
    await (await answered).finished();
    // The page had its turn with the answer.
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 100))");
    expect(await page.getByRole("button", { name: "Sign out" }).isVisible()).toBe(true);
    await context.close();
  });

  test("goes by a passkey that yields a key, where there is one", async () => {
    const { page, context } = await watchedPage(browser);
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        ...{ protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasPrf: true },
        ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
      },
    });
    await page.goto(`${desk.url}/#invite=${invitationCode}`);
    await page.getByLabel("Passkey", { exact: true }).check();
    await page.getByLabel("Name on the passkey").fill("Mira");
    await page.getByRole("button", { name: "Make my key" }).click();
    await page.getByRole("heading", { name: "Queue" }).waitFor();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Sign in as Mira" }).click();
    await page.getByRole("heading", { name: "Queue" }).waitFor();
    await context.close();
  });

  test("says so where a passkey yields nothing, and leaves the invitation good", async () => {
    const { page, context } = await watchedPage(browser);
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        ...{ protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true },
        ...{ isUserVerified: true, automaticPresenceSimulation: true },
      },
    });
    const before = desk.calls.length;
    await page.goto(`${desk.url}/#invite=${invitationCode}`);
    await page.getByLabel("Name on the passkey").fill("Mira");
    await page.getByRole("button", { name: "Make my key" }).click();
    await page.getByRole("alert").getByText("Use a key file instead").waitFor();
    expect(desk.calls.slice(before)).toEqual([]);
    await context.close();
  });

  test("ends by itself when nobody is there", async () => {
    const { page, context } = await watchedPage(browser);
    await page.clock.install();
    await joinWithFile(page, desk);
    // What is asked for once the page is there: from then on it counts since when nobody touched it.
    await page.getByRole("link", { name: "Threat" }).waitFor();
    await page.clock.fastForward(14 * 60_000 + 10_000);
    await page.getByText("You will be signed out in a minute").waitFor();
    await page.keyboard.press("Shift");
    await page.getByText("You will be signed out in a minute").waitFor({ state: "detached" });
    await page.clock.fastForward(16 * 60_000);
    await page.getByText("nobody was here for 15 minutes").waitFor();
    await expect.poll(() => desk.calls.at(-1)?.what).toBe("logout");
    await context.close();
  });

  test("ends with the page: a reload asks again", async () => {
    const { page, context } = await watchedPage(browser);
    await joinWithFile(page, desk);
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await context.close();
  });
});
