/** The realm as the relay serves it: from the desk alone, checked, kept, told to devices, and readable by anybody. */

import { createHash } from "node:crypto";
import { decodeManifest, encodeRealm } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { HttpResponse } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import { newSigner, STATEMENT, TestRealm } from "../../support/raw-desk.js";
import type { Client } from "./support/client.js";
import { deskOf, withDesk } from "./support/desk.js";
import { ManualClock } from "./support/manual-clock.js";
import { signatures, TestRelay } from "./support/test-relay.js";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

async function put(desk: Client, document: Uint8Array): Promise<void> {
  desk.say({ type: "putRealm", id: desk.id(), document });
  await desk.skipTo("done");
}

async function refused(desk: Client, document: Uint8Array): Promise<void> {
  const id = desk.id();
  desk.say({ type: "putRealm", id, document });
  await desk.failure(id, "badFrame");
}

async function fetched(client: Client, known?: Uint8Array) {
  client.say({ type: "fetchRealm", id: client.id(), known });
  const { document, available } = await client.next("realm");
  return { document, available };
}

async function get(relay: TestRelay, path: string, method = "GET"): Promise<HttpResponse> {
  const answer = await relay.relay.request({ method, path, remoteAddress: "192.0.2.1", headers: {} });
  if (answer === undefined) throw new Error("not answered");
  return answer;
}

describe("the realm document", () => {
  it("is what the desk put there, told to who is online, and left out for who knows it", async () => {
    const { relay, realm, desk } = await withDesk();
    const alice = await relay.person("alice");
    const anonymous = await relay.anonymous();
    const next = realm.document({ feedAtMs: 2 });
    await put(desk, next);
    expect(await alice.client.next("deskNews")).toEqual({ type: "deskNews", news: "realm" });
    expect(await anonymous.rest()).toEqual([]);
    expect(await fetched(alice.client)).toEqual({ document: next, available: "yes" });
    expect(await fetched(alice.client, sha256(next))).toEqual({ document: undefined, available: "yes" });
    expect((await fetched(alice.client, sha256(realm.document()))).document).toEqual(next);
    // The same bytes are no news.
    await put(desk, next);
    expect(await alice.client.rest()).toEqual([]);
  });

  it("says whether there is one, and whether the desk is there", async () => {
    const realm = new TestRealm();
    const relay = await TestRelay.start({ policy: { deskKey: realm.link.publicKey } });
    const alice = await relay.person("alice");
    expect(await fetched(alice.client)).toEqual({ document: undefined, available: "no" });
    const desk = await deskOf(relay, realm);
    await put(desk, realm.document());
    desk.hangUp();
    await alice.client.next("deskNews");
    expect(await fetched(alice.client)).toEqual({ document: realm.document(), available: "deskAway" });
  });

  it("outlives the relay, and is served while the desk is away", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const first = await withDesk({ clock, store });
    await first.relay.relay.close();
    const relay = await TestRelay.start({ clock, store, policy: { deskKey: first.realm.link.publicKey } });
    const alice = await relay.person("alice");
    expect(await fetched(alice.client)).toEqual({ document: first.realm.document(), available: "deskAway" });
  });

  it("is refused if any part of it is not signed or not named as it should be, and what is held stays", async () => {
    const { relay, realm, desk } = await withDesk();
    const other = new TestRealm();
    await refused(desk, realm.document({ feedAtMs: 2, feedSigner: newSigner() }));
    await refused(desk, realm.document({ statement: "Moderators read nothing at all.\n" }));
    await refused(desk, Uint8Array.of(1, 2, 3));
    const manifest = realm.manifest({ number: 2 });
    const flipped = manifest.map((byte, index) => (index === manifest.length - 1 ? byte ^ 1 : byte));
    const feed = new Uint8Array(1);
    await refused(desk, encodeRealm({ manifest: flipped, feed, statement: STATEMENT, disclosed: [] }));
    await refused(desk, other.document({ manifest: { root: realm.root.publicKey } }));
    const alice = await relay.person("alice");
    expect((await fetched(alice.client)).document).toEqual(realm.document());
  });

  it("of the same root only goes forward, chained", async () => {
    const { relay, realm, desk } = await withDesk();
    const { hash: previous } = decodeManifest(realm.manifest(), signatures.verifyDevice);
    await refused(desk, realm.document({ manifest: { number: 2, previous: new Uint8Array(32) } }));
    const second = { number: 2, previous, issuedMs: 2 };
    await put(desk, realm.document({ manifest: second }));
    await refused(desk, realm.document());
    await refused(desk, realm.document({ manifest: { ...second, minFrankVersion: 2 } }));
    await put(desk, realm.document({ manifest: second, feedAtMs: 9 }));
    await put(desk, realm.document({ manifest: { number: 7, previous: new Uint8Array(32), issuedMs: 3 } }));
    expect(relay.warnings).toEqual([]);
  });

  it("of another root is another realm, which is worth a line in the log", async () => {
    const { relay, realm, desk } = await withDesk();
    const moved = Object.assign(new TestRealm(), { link: realm.link });
    await put(desk, moved.document());
    expect(relay.warnings).toEqual(["realmMoved"]);
    const alice = await relay.person("alice");
    expect((await fetched(alice.client)).document).toEqual(moved.document());
  });
});

describe("the well-known addresses", () => {
  const REALM = "/.well-known/sotto/realm";
  const MODERATION = "/.well-known/sotto/moderation";

  it("serve the document and the statement to anybody, and nothing before there is one", async () => {
    const empty = await TestRelay.start();
    expect((await get(empty, REALM)).status).toBe(404);
    expect((await get(empty, MODERATION)).status).toBe(404);
    const { relay, realm } = await withDesk();
    const document = await get(relay, REALM);
    expect(document).toMatchObject({ status: 200, headers: { "content-type": "application/octet-stream" } });
    expect(document.body).toEqual(realm.document());
    const statement = await get(relay, MODERATION);
    expect(statement).toMatchObject({ status: 200, headers: { "content-type": "text/plain; charset=utf-8" } });
    expect(statement.body).toBe(STATEMENT);
    expect(await get(relay, MODERATION, "HEAD")).toMatchObject({ status: 200, body: "" });
    expect((await get(relay, REALM, "POST")).status).toBe(405);
    expect(relay.relay.request({ method: "GET", path: `${REALM}/x`, remoteAddress: "a", headers: {} })).toBeUndefined();
  });

  it("have a limiter", async () => {
    const { relay } = await withDesk();
    for (let count = 0; count < 300; count++) await get(relay, REALM);
    const answer = await get(relay, MODERATION);
    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBeDefined();
  });
});
