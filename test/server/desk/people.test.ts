/** Who works at the desk: invitations, signing in, sessions, roles, keys of teams, leaving. */

import { randomBytes } from "node:crypto";
import { deskKeyOf, SEAL_PUBLIC_KEY_BYTES } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { signingKeyOf } from "../../../server/desk/index.js";
import { signLogin } from "../../../server/desk/person-key.js";
import { DAY_MS, openDesk, realmOfDesk, type TestDesk } from "./desk-of.js";
import { grantsTo, hire, newKey, sealed, type Worker } from "./staff.js";

const MINUTE_MS = 60_000;

async function signs(test: TestDesk, worker: Worker, secret = worker.secret, id = worker.me.id) {
  const { challenge } = await test.desk.beginLogin(id);
  const signature = Buffer.from(signLogin(secret, Buffer.from(challenge, "base64"))).toString("base64");
  return { challenge, signature };
}

describe("an invitation", () => {
  const joining = (code: string, signKey = newSignKey()) => {
    const box = Buffer.from(randomBytes(SEAL_PUBLIC_KEY_BYTES)).toString("base64");
    return { code, signKey, box, keeping: { kind: "file" } } as const;
  };
  const newSignKey = () => Buffer.from(signingKeyOf(randomBytes(32)).publicKey).toString("base64");

  it("is good once, for a week, and its code is kept nowhere", async () => {
    const test = await openDesk();
    expect((await test.desk.state()).hasModerators).toBe(false);
    const { code } = await test.desk.inviteByOperator({ name: "Ann", role: "lead", teams: ["community"] });
    expect(test.rows.dump().toString("latin1")).not.toContain(code);
    const worker = await hire(test);
    expect(worker.me).toMatchObject({ role: "moderator", left: false });
    const { code: old } = await test.desk.inviteByOperator({ name: "Bob", role: "lead", teams: [] });
    test.nowMs += 8 * DAY_MS;
    await expect(test.desk.redeem(joining(old))).rejects.toMatchObject({ code: "notFound" });
    test.nowMs -= 8 * DAY_MS;
    const both = await Promise.allSettled([test.desk.redeem(joining(code)), test.desk.redeem(joining(code))]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await test.desk.state()).hasModerators).toBe(true);
  });

  it("that the operator makes again takes the place of the one before, so that only the newest link of a start is good", async () => {
    const test = await openDesk();
    const first = { name: "First lead", role: "lead", teams: ["community"] } as const;
    const { code: old } = await test.desk.inviteByOperator(first);
    const { code: other } = await test.desk.inviteByOperator({ ...first, name: "Bob" });
    const { code } = await test.desk.inviteByOperator(first);
    await expect(test.desk.redeem(joining(old))).rejects.toMatchObject({ code: "notFound" });
    expect((await test.desk.redeem(joining(code))).role).toBe("lead");
    expect((await test.desk.redeem(joining(other))).name).toBe("Bob");
  });

  it("is a lead's to make, and takes no key that anybody could sign under", async () => {
    const test = await openDesk();
    const worker = await hire(test);
    const person = { name: "Eve", role: "moderator", teams: [] } as const;
    await expect(test.desk.invite(worker.me, person)).rejects.toMatchObject({ code: "notAllowed" });
    const { code } = await test.desk.invite((await hire(test, "lead")).me, person);
    const weak = Buffer.from(`01${"00".repeat(31)}`, "hex").toString("base64");
    await expect(test.desk.redeem(joining(code, weak))).rejects.toMatchObject({ code: "badRequest" });
  });
});

describe("signing in", () => {
  it("takes a signature over a challenge that was given to this person, once", async () => {
    const test = await openDesk();
    const ann = await hire(test);
    const bob = await hire(test);
    const token = await ann.signIn();
    expect((await test.desk.signedIn(token)).id).toBe(ann.me.id);
    const { challenge, signature } = await signs(test, ann);
    await expect(test.desk.finishLogin(bob.me.id, challenge, signature)).rejects.toMatchObject({ code: "notSignedIn" });
    await expect(test.desk.finishLogin(ann.me.id, challenge, signature)).rejects.toMatchObject({ code: "notSignedIn" });
    const hers = await signs(test, ann, bob.secret);
    await expect(test.desk.finishLogin(bob.me.id, hers.challenge, hers.signature)).rejects.toThrow();
    const other = await signs(test, ann, bob.secret);
    await expect(test.desk.finishLogin(ann.me.id, other.challenge, other.signature)).rejects.toThrow();
    const late = await signs(test, ann);
    test.nowMs += 6 * MINUTE_MS;
    await expect(test.desk.finishLogin(ann.me.id, late.challenge, late.signature)).rejects.toThrow();
  });

  it("is limited for whoever guesses, and says nothing of who works here", async () => {
    const test = await openDesk();
    const ann = await hire(test);
    expect(await test.desk.beginLogin("nobody")).toMatchObject({ keeping: { kind: "file" } });
    for (let index = 0; index < 10; index++) {
      const { challenge, signature } = await signs(test, ann, new Uint8Array(32));
      await test.desk.finishLogin(ann.me.id, challenge, signature).catch(() => undefined);
    }
    const last = await signs(test, ann, new Uint8Array(32));
    await expect(test.desk.finishLogin(ann.me.id, last.challenge, last.signature)).rejects.toMatchObject({
      code: "tooMany",
    });
    // Her id is no secret: whoever fails in her name keeps her out for no minute.
    await ann.signIn();
  });

  it("lasts half an hour without use, twelve hours with, until somebody signs out or leaves; a restart ends it", async () => {
    const test = await openDesk();
    const ann = await hire(test);
    const lead = await hire(test, "lead");
    const token = await ann.signIn();
    test.nowMs += 29 * MINUTE_MS;
    await test.desk.signedIn(token);
    test.nowMs += 31 * MINUTE_MS;
    await expect(test.desk.signedIn(token)).rejects.toMatchObject({ code: "notSignedIn" });
    const long = await ann.signIn();
    for (let index = 0; index < 24; index++) {
      test.nowMs += 29 * MINUTE_MS;
      await test.desk.signedIn(long);
    }
    test.nowMs += 29 * MINUTE_MS;
    await expect(test.desk.signedIn(long)).rejects.toMatchObject({ code: "notSignedIn" });
    const out = await ann.signIn();
    await test.desk.logout(out);
    await expect(test.desk.signedIn(out)).rejects.toMatchObject({ code: "notSignedIn" });
    const gone = await ann.signIn();
    await test.desk.leave(lead.me, ann.me.id);
    await expect(test.desk.signedIn(gone)).rejects.toMatchObject({ code: "notSignedIn" });
    await expect(ann.signIn()).rejects.toMatchObject({ code: "notSignedIn" });
    const here = await lead.signIn();
    expect(test.rows.dump().toString("latin1")).not.toContain(here);
    await expect((await test.again()).desk.signedIn(here)).rejects.toMatchObject({ code: "notSignedIn" });
  });
});

describe("a team's key", () => {
  it("is made by whoever comes first, published, and sealed to others by who holds it", async () => {
    const test = await openDesk();
    const ann = await hire(test);
    const bob = await hire(test);
    expect((await test.desk.me(ann.me)).lacking).toEqual(["community", "platform", "safety"]);
    const publicKey = newKey();
    const grant = await test.desk.newTeamKey(ann.me, { team: "community", publicKey, grants: grantsTo(ann) });
    await test.desk.settled();
    const published = deskKeyOf(realmOfDesk(test).manifest, "community", test.nowMs);
    expect(Buffer.from(published?.key ?? []).toString("base64")).toBe(publicKey);
    const { unsealed, lacking } = await test.desk.me(ann.me);
    expect(lacking).toEqual(["platform", "safety"]);
    expect(unsealed).toMatchObject([{ moderator: bob.me.id, keyId: grant.keyId }]);
    const given = { keyId: grant.keyId, moderator: bob.me.id, sealed };
    await expect(test.desk.grantTeamKey(bob.me, given)).rejects.toMatchObject({ code: "notFound" });
    await test.desk.grantTeamKey(ann.me, given);
    expect((await test.desk.me(bob.me)).keys).toMatchObject([{ keyId: grant.keyId, publicKey }]);
    expect(await test.desk.teamKey(bob.me, "community")).toEqual({ keyId: grant.keyId, publicKey });
  });

  it("goes to people of the team only, and is replaced by nobody but a lead before it is due", async () => {
    const test = await openDesk();
    const ann = await hire(test, "moderator", ["community"]);
    const eve = await hire(test, "moderator", ["safety"]);
    const auditor = await hire(test, "auditor");
    const make = (by: Worker, ...to: readonly Worker[]) =>
      test.desk.newTeamKey(by.me, { team: "community", publicKey: newKey(), grants: grantsTo(...to) });
    await expect(make(ann, ann, eve)).rejects.toMatchObject({ code: "badRequest" });
    await expect(make(ann, ann, auditor)).rejects.toMatchObject({ code: "badRequest" });
    await expect(make(eve, eve)).rejects.toMatchObject({ code: "notAllowed" });
    await expect(make(auditor, auditor)).rejects.toMatchObject({ code: "notAllowed" });
    await make(ann, ann);
    await expect(make(ann, ann)).rejects.toMatchObject({ code: "conflict" });
    const lead = await hire(test, "lead", ["community"]);
    const { keyId } = await make(lead, lead, ann);
    expect((await test.desk.teamKey(ann.me, "community")).keyId).toBe(keyId);
  });

  it("is due again when somebody who could hold it leaves, and they hold nothing any more", async () => {
    const test = await openDesk();
    const lead = await hire(test, "lead");
    const ann = await hire(test);
    await test.desk.newTeamKey(ann.me, { team: "community", publicKey: newKey(), grants: grantsTo(ann, lead) });
    expect((await test.desk.me(lead.me)).lacking).not.toContain("community");
    await expect(test.desk.leave(lead.me, lead.me.id)).rejects.toMatchObject({ code: "conflict" });
    await test.desk.leave(lead.me, ann.me.id);
    expect((await test.desk.me(lead.me)).lacking).toContain("community");
    expect((await test.desk.moderators(lead.me)).find(({ id }) => id === ann.me.id)).toMatchObject({
      left: true,
      holds: [],
    });
    test.nowMs++;
    await test.desk.newTeamKey(lead.me, { team: "community", publicKey: newKey(), grants: grantsTo(lead) });
    expect((await test.desk.me(lead.me)).lacking).not.toContain("community");
  });
});
