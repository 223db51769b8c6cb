import { sealKeysOf, unseal } from "@sotto/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Moderator, NewTeamKey } from "../../server/desk/api.js";
import { fromBase64, toBase64 } from "../../server/desk/base64.js";
import {
  fingerprintOf,
  grantsTo,
  heldKeys,
  newTeamKey,
  type WaitingPerson,
  waitingPeople,
} from "../../server/desk/console/team-keys.js";
import { teamKeyContext } from "../../server/desk/person-key.js";
import { secretOf } from "../support/franking/realm.js";
import { launchChromium, watchedPage } from "./support/browser.js";
import { joinWithFile } from "./support/moderator.js";
import { StubDesk } from "./support/stub-desk.js";

const realm = "00".repeat(16);
const boxOf = (name: string) => sealKeysOf(secretOf(name));
const opensWith = (name: string, { publicKey }: Pick<NewTeamKey, "publicKey">, sealed: string, of = realm) => {
  const key = fromBase64(publicKey) ?? new Uint8Array();
  return unseal(boxOf(name).secretKey, teamKeyContext(of, "community", key), fromBase64(sealed) ?? key);
};

describe("a team key", () => {
  const maker = { id: "mira", box: boxOf("mira").publicKey };
  const made = newTeamKey(realm, "community", secretOf("seed"), maker);
  const { publicKey } = made;
  const grant = { team: "community", keyId: "whatever the desk says", publicKey, createdMs: 0, expiresMs: 1 } as const;
  const held = heldKeys(realm, [{ ...grant, sealed: made.grants[0]?.sealed ?? "" }], boxOf("mira"));
  const keyId = held[0]?.keyId ?? "";
  const people = [{ id: "nora", name: "Nora" } as Moderator];
  const listed = (name: string) => ({ moderator: "nora", box: toBase64(boxOf(name).publicKey), keyId });

  test("is sealed to whoever makes it, and to nobody else", () => {
    expect(made.grants.map(({ moderator }) => moderator)).toEqual(["mira"]);
    expect(opensWith("mira", made, made.grants[0]?.sealed ?? "")).toEqual(secretOf("seed"));
  });

  test("is known by what it is, not by what the desk calls it", () => {
    expect(keyId).toMatch(/^[0-9a-f]{16}$/);
    expect(heldKeys(realm, [{ ...grant, sealed: made.grants[0]?.sealed ?? "" }], boxOf("nora"))).toEqual([]);
  });

  test("goes to the box that was looked at", () => {
    const [waiting] = waitingPeople(realm, [listed("nora")], held, people) as [WaitingPerson];
    expect(waiting).toMatchObject({ name: "Nora", fingerprint: fingerprintOf(realm, boxOf("nora").publicKey) });
    const [granted] = grantsTo(realm, waiting);
    expect(granted).toMatchObject({ keyId, moderator: "nora" });
    expect(opensWith("nora", made, granted?.sealed ?? "")).toEqual(secretOf("seed"));
  });

  test("is asked for by two people where the desk names two boxes", () => {
    const waiting = waitingPeople(realm, [listed("nora"), listed("the desk")], held, people);
    expect(new Set(waiting.map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });
});

test("a fingerprint is five groups of five digits, another one for another box or realm", () => {
  const { publicKey } = boxOf("nora");
  const all = [
    fingerprintOf(realm, publicKey),
    fingerprintOf("11".repeat(16), publicKey),
    fingerprintOf(realm, boxOf("mira").publicKey),
  ];
  for (const one of all) expect(one).toMatch(/^\d{5}( \d{5}){4}$/);
  expect(new Set(all).size).toBe(3);
});

describe("a desk that lists a colleague", () => {
  let browser: Browser;
  let desk: StubDesk;
  let page: Page;
  beforeAll(async () => {
    [browser, desk] = await Promise.all([launchChromium(), StubDesk.open()]);
    page = (await watchedPage(browser)).page;
    await page.clock.install();
    await joinWithFile(page, desk);
    await page.getByText("Made a new key for the community team").waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await desk?.close();
  });
  const told = (what: string) => desk.calls.filter((call) => call.what === what);
  const colleague = (box: string) => ({ id: "c0", name: "Nora", box: toBase64(boxOf(box).publicKey) });

  test("gets no key by itself, however long the page is open", async () => {
    desk.colleague = colleague("nora");
    await page.clock.fastForward(121_000);
    await page.getByText("1 person waits for a team key that you hold.").waitFor();
    await page.clock.fastForward(400_000);
    await page.getByRole("link", { name: "Compare and seal" }).click();
    const list = page.getByRole("list", { name: "People waiting for a team key" });
    await list.getByRole("heading", { name: "Nora" }).waitFor();
    expect(told("grantTeamKey")).toEqual([]);
  });

  test("gets it sealed to the box that was compared, though it names another in the meantime", async () => {
    const { realm: realmId } = (await (await fetch(`${desk.url}/api/state`)).json()) as { readonly realm: string };
    const compared = fingerprintOf(realmId, boxOf("nora").publicKey);
    await page.getByRole("button", { name: "Seal the key to Nora…" }).click();
    const dialog = page.getByRole("dialog", { name: "Seal the key to Nora" });
    await dialog.getByText(compared).waitFor();
    desk.colleague = colleague("the desk itself");
    await page.clock.fastForward(121_000);
    const behind = fingerprintOf(realmId, boxOf("the desk itself").publicKey);
    await page.getByText(behind).waitFor({ state: "attached" });
    await dialog.getByText(compared).waitFor();
    await dialog.getByRole("button", { name: "Seal the key to Nora" }).click();
    await page.getByText("Sealed 1 key to Nora.").waitFor();
    const [{ value: made }, { value: granted }] = [told("newTeamKey")[0], told("grantTeamKey")[0]] as [
      { value: NewTeamKey },
      { value: { sealed: string } },
    ];
    expect(opensWith("nora", made, granted.sealed, realmId)?.length).toBe(32);
    expect(opensWith("the desk itself", made, granted.sealed, realmId)).toBeUndefined();
    await page.getByRole("heading", { name: "Waiting for a team key" }).waitFor({ state: "detached" });
  });
});
