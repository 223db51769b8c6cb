import {
  accountIdToBytes,
  CLOCK_SKEW_MS,
  checkFrank,
  committedForm,
  EPOCH_MS,
  encodeContent,
  encodeGroupBody,
  epochOf,
  type FrankCheck,
  fromHex,
  groupRoster,
  inspectHead,
  parseConversationId,
  TOKENS_PER_BATCH,
  tokenName,
  tokenOfFrank,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { eachRow, encodeRow, keys, type Row } from "../../../../sdk/core/rows.js";
import { clientVerify } from "../../../support/franking/signatures.js";
import { SmallDesk } from "../../../support/franking/small-desk.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { connect, type FrankingFixture, frankingFixture, orderOf, quiet, speaker } from "./fixture.js";

const group = parseConversationId("00000000000000000000000000000007");
const standing = { id: group, revision: 3, head: new Uint8Array(32).fill(3) };
const toPeer = { kind: "account", account: peer } as const;
const toGroup = { kind: "group", standing } as const;

async function connected(): Promise<FrankingFixture> {
  const fixture = await frankingFixture();
  await connect(fixture);
  return fixture;
}

/** What a recipient makes of it. */
function check({ realm, clock }: FrankingFixture, row: Row<"outbox">, changed: Partial<FrankCheck>) {
  return checkFrank({
    ...{ realm: realm.id, speaker, me: peer, audience: toPeer, committed: committedForm(row.body) },
    ...{ frank: new Uint8Array(0), commitment: new Uint8Array(0), acceptedMs: clock.now(), nowMs: clock.now() },
    ...{ stamp: new Uint8Array(16), minVersion: 1, verify: clientVerify, epochKey: realm.epochKey },
    ...{ isRevoked: realm.isRevoked, stampedFor: accountIdToBytes(peer) },
    ...changed,
  });
}

describe("franking an order", () => {
  it("makes what its recipient takes, and what nobody else does", async () => {
    const fixture = await connected();
    const row = orderOf(1);
    const made = await fixture.franker.franked(row, toPeer);
    if (made?.frank === undefined) throw new Error("not franked");
    const { frank, commitment } = made;
    expect(check(fixture, row, { frank, commitment }).kind).toBe("genuine");
    expect(check(fixture, orderOf(2), { frank, commitment })).toMatchObject({ kind: "refused" });
    const other = { kind: "account", account: me } as const;
    expect(check(fixture, row, { frank, commitment, me, audience: other })).toMatchObject({ reason: "commitment" });
  });

  it("makes what every member takes, by the members at the entry it names", async () => {
    const fixture = await connected();
    const row = orderOf(1, { group, recipient: undefined });
    const made = await fixture.franker.franked(row, toGroup);
    if (made?.frank === undefined) throw new Error("not franked");
    const roster = groupRoster(fixture.realm.id, { ...standing, group }, [peer, me]);
    const seen = check(fixture, row, { ...made, frank: made.frank, audience: { kind: "group", roster } });
    expect(seen.kind).toBe("genuine");
  });

  it("repeats itself on a retry, also after a restart, and uses one token for both", async () => {
    const fixture = await connected();
    const row = orderOf(1);
    const made = await fixture.franker.franked(row, toPeer);
    const { left } = fixture.tokens;
    expect(await fixture.franker.franked(row, toPeer)).toMatchObject(made ?? {});
    await fixture.store.commit([{ key: keys.outbox(1), value: encodeRow("outbox", row) }]);
    fixture.tokens.close();
    // Killed between the frank and the send: the next run says it with the same.
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    expect(next.tokens.left).toBe(left);
    await connect(next);
    expect(await next.franker.franked(row, toPeer)).toMatchObject(made ?? {});
    expect(next.tokens.left).toBe(left);
  });

  it("begins anew in another epoch, and for other people", async () => {
    const fixture = await connected();
    const row = orderOf(1, { group, recipient: undefined });
    const first = await fixture.franker.franked(row, toGroup);
    fixture.members = [me];
    const later = { kind: "group", standing: { ...standing, revision: 4 } } as const;
    const second = await fixture.franker.franked(row, later);
    expect(second?.commitment).not.toEqual(first?.commitment);
    fixture.clock.setNow(fixture.clock.now() + EPOCH_MS);
    fixture.desk.feedMs += EPOCH_MS;
    await connect(fixture);
    const third = await fixture.franker.franked(row, later);
    expect(third?.commitment).not.toEqual(second?.commitment);
  });

  it("begins anew once the token that it had counts no more", async () => {
    const fixture = await connected();
    const row = orderOf(1);
    const first = await fixture.franker.franked(row, toPeer);
    const token = tokenOfFrank(first?.frank ?? new Uint8Array());
    if (token === undefined) throw new Error("not franked");
    fixture.desk.revoked = [tokenName(token.publicKey)];
    fixture.desk.feedMs += 1;
    await connect(fixture);
    const second = await fixture.franker.franked(row, toPeer);
    if (second?.frank === undefined) throw new Error("not franked again");
    expect(check(fixture, row, { ...first, frank: first?.frank ?? new Uint8Array() })).toMatchObject({
      reason: "revoked",
    });
    expect(check(fixture, row, { ...second, frank: second.frank }).kind).toBe("genuine");
  });

  it("begins anew in another realm, with none of the tokens of the one before", async () => {
    const before = await connected();
    const row = orderOf(1);
    await before.franker.franked(row, toPeer);
    await before.store.commit([{ key: keys.outbox(1), value: encodeRow("outbox", row) }]);
    before.tokens.close();
    const { store, clock } = before;
    const desk = new SmallDesk(speaker, () => clock.now(), "another realm");
    const after = await frankingFixture({ store, clock, desk, pinned: desk.pin });
    await connect(after);
    expect(after.tokens.left).toBe(TOKENS_PER_BATCH);
    for (const one of [row, orderOf(2)]) {
      const made = await after.franker.franked(one, toPeer);
      if (made?.frank === undefined) throw new Error("not franked");
      expect(check(after, one, { ...made, frank: made.frank }).kind).toBe("genuine");
    }
  });

  it("leaves out receipts and what SDKs say, whose commitment says nothing and stays the same", async () => {
    const fixture = await frankingFixture();
    const header = { sender: me, device, conversation: conversationId, messageId: messageId(1), seen: [] };
    const receipt = { ...header, counter: 1, sentAtMs: 1, kind: "receipt", receipt: "read", targets: [messageId(2)] };
    const rows = [
      orderOf(1, { body: encodeContent(receipt as Parameters<typeof encodeContent>[0]) }),
      orderOf(2, { type: "retry", body: new Uint8Array(0) }),
      orderOf(3, { type: "sent", recipient: me }),
    ];
    for (const row of rows) {
      const made = await fixture.franker.franked(row, toPeer);
      expect(made?.frank).toBeUndefined();
      expect(made?.commitment).toHaveLength(32);
      expect(await fixture.franker.franked(row, toPeer)).toEqual(made);
    }
    const commitments = await Promise.all(rows.map((row) => fixture.franker.franked(row, toPeer)));
    expect(new Set(commitments.map((made) => made?.commitment.join())).size).toBe(3);
  });

  it("franks the content inside an invitation", async () => {
    const fixture = await connected();
    const header = { sender: me, device, conversation: conversationId, messageId: messageId(1), seen: [] };
    const content = encodeContent({ ...header, kind: "invitation", group, title: "Us", counter: 1, sentAtMs: 1 });
    const secret = new Uint8Array(32);
    const body = encodeGroupBody("invitation", { epoch: 1, secret, wrapPrivate: secret, content });
    const made = await fixture.franker.franked(orderOf(1, { type: "invitation", group, body }), toPeer);
    if (made?.frank === undefined) throw new Error("not franked");
    expect(check(fixture, orderOf(1, { body: content }), { ...made, frank: made.frank }).kind).toBe("genuine");
  });

  it("waits for a token, and throws what the moderators said", async () => {
    const fixture = await frankingFixture();
    expect(await fixture.franker.franked(orderOf(1), toPeer)).toBeUndefined();
    fixture.desk.refusal = { reason: "muted" };
    await connect(fixture);
    await expect(fixture.franker.franked(orderOf(1), toPeer)).rejects.toMatchObject({ code: "muted" });
  });

  it("makes nothing that the realm is too new for", async () => {
    const fixture = await connected();
    fixture.desk.minFrankVersion = 2;
    fixture.desk.number = 3;
    await connect(fixture);
    await expect(fixture.franker.franked(orderOf(1), toPeer)).rejects.toMatchObject({ code: "unsupportedVersion" });
  });

  it("throws what is wrong with the realm", async () => {
    const fixture = await frankingFixture({ pinned: `sha256:${"0".repeat(64)}` });
    await connect(fixture);
    await expect(fixture.franker.franked(orderOf(1), toPeer)).rejects.toMatchObject({ code: "wrongRealm" });
  });
});

describe("own evidence", () => {
  it.each([
    ["an account", orderOf(1), toPeer, accountIdToBytes(peer)],
    ["a group", orderOf(2, { group, recipient: undefined, standing }), toGroup, fromHex(group)],
  ] as const)("of what went to %s convinces the desk", async (_name, row, whom, stampedFor) => {
    const fixture = await connected();
    const { desk, franker, store, clock } = fixture;
    const made = await franker.franked(row, whom);
    const acceptedMs = clock.now() + 5;
    const stamp = desk.small.stampFor(stampedFor, { commitment: made?.commitment as Uint8Array, acceptedMs });
    const kept = await franker.evidence(row, { acceptedMs, stamp });
    if (kept === undefined) throw new Error("nothing kept");
    await store.commit(kept.changes);
    const found = await fixture.evidence.of(conversationId, me, messageId(row.envelope[0] as number));
    if (found === undefined) throw new Error("not found");
    expect(inspectHead(found.evidence.head, desk.small.headKeys({ nowMs: acceptedMs })).kind).toBe("verified");
    expect(found.evidence.head.stampedFor).toEqual(stampedFor);
    expect(found.standing).toEqual(whom.kind === "group" ? { revision: 3, head: standing.head } : undefined);
  });

  it("is none of a resend, nor of what bears no frank", async () => {
    const fixture = await connected();
    const stamped = { acceptedMs: fixture.clock.now(), stamp: new Uint8Array(16) };
    const resend = orderOf(1, { resendOf: new Uint8Array(16) });
    await fixture.franker.franked(resend, toPeer);
    expect(await fixture.franker.evidence(resend, stamped)).toBeUndefined();
    expect(await fixture.franker.evidence(orderOf(2, { type: "retry" }), stamped)).toBeUndefined();
  });

  it("is known to be of no use where the relay took it while its token was not good", async () => {
    const { franker, clock } = await connected();
    await franker.franked(orderOf(1), toPeer);
    const endMs = (epochOf(clock.now()) + 1) * EPOCH_MS;
    const missed = (atMs: number) => franker.isMissed(orderOf(1), atMs);
    expect(await Promise.all([missed(clock.now()), missed(endMs + CLOCK_SKEW_MS)])).toEqual([false, false]);
    expect(await missed(endMs + CLOCK_SKEW_MS + 1)).toBe(true);
    expect(await franker.isMissed(orderOf(2, { type: "retry" }), endMs + EPOCH_MS)).toBe(false);
  });

  it("is forgotten at the next start for orders that are there no more", async () => {
    const fixture = await connected();
    await fixture.franker.franked(orderOf(1), toPeer);
    await fixture.franker.franked(orderOf(2), toPeer);
    await fixture.store.commit([{ key: keys.outbox(1), value: encodeRow("outbox", orderOf(1)) }]);
    fixture.tokens.close();
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    await quiet();
    const left: string[] = [];
    for await (const { key } of eachRow(next.store, keys.franks)) left.push(key);
    expect(left).toEqual([keys.frank(orderOf(1).envelope)]);
  });
});
