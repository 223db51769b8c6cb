import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { type Engine, EngineRefusal, type Unsealed } from "../../../../sdk/core/ports.js";
import { keys } from "../../../../sdk/core/rows.js";
import { CollectedRecords } from "../../../../sdk/core/sessions/engine-records.js";
import { FormerSessions } from "../../../../sdk/core/sessions/former-sessions.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { device, peer } from "../people.js";
import { openSealed, read, text } from "../storage/fixture.js";

/** An engine in which a mail opens with the session it names, and which marks that session as used. */
const namingEngine = {
  async decrypt(records: CollectedRecords, { sender, inner }: Unsealed) {
    const session = read(await records.session(sender)) ?? "";
    if (!session.startsWith(String(inner))) throw new EngineRefusal(session === "" ? "noSession" : "invalidMessage");
    const record = text(`${session}+`);
    return { plaintext: text(session), changes: [{ kind: "session", address: sender, record }] };
  },
} as unknown as Engine;

async function fixture() {
  const store = await openSealed();
  const clock = manualClock();
  const former = new FormerSessions({ store, engine: namingEngine, clock });
  const session = keys.session(store, peer, device);
  const mail = (inner: string, kind: Unsealed["kind"] = "signal"): Unsealed => {
    return { sender: { account: peer, device }, senderIdentity: new Uint8Array(33), role: "person", kind, inner };
  };
  const open = async (unsealed: Unsealed) => {
    const records = new CollectedRecords(store, OwnAccount.create(ownRow()), new Peers(store));
    const opened = read(await former.decrypt(records, unsealed));
    await store.commit(records.takeChanges());
    return opened;
  };
  const put = (value: string) => store.commit([{ key: session, value: text(value) }]);
  return { store, clock, former, session, mail, open, put };
}

describe("former sessions", () => {
  it("leave no session to encrypt with, and open mail all the same", async () => {
    const { store, former, session, mail, open, put } = await fixture();
    await put("old");
    expect(await former.retire()).toBe(1);
    expect(await store.get(session)).toBeUndefined();
    expect(await open(mail("old"))).toBe("old");
    expect(await open(mail("old"))).toBe("old+");
    expect(await store.get(session)).toBeUndefined();
  });

  it("leave alone what is under a sender key, which belongs to no session", async () => {
    const { store, former, mail, open, put } = await fixture();
    await put("old");
    await former.retire();
    await put("new");
    const underKey = mail("old", "senderKey");
    await expect(open(underKey)).rejects.toMatchObject({ reason: "invalidMessage" });
    expect(await open(mail("new", "senderKey"))).toBe("new");
    const records = new CollectedRecords(store, OwnAccount.create(ownRow()), new Peers(store));
    await expect(former.decryptOf(records, underKey)).rejects.toMatchObject({ reason: "invalidMessage" });
    expect(read(await former.decryptOf(records, mail("new", "senderKey")))).toBe("new+");
  });

  it("open mail beside the session in use without ever taking its place", async () => {
    const { store, former, session, mail, open, put } = await fixture();
    await put("old");
    await former.retire();
    await put("new");
    for (const kind of ["signal", "prekey"] as const) {
      expect((await open(mail("old", kind)))?.startsWith("old")).toBe(true);
      expect(read(await store.get(session))?.startsWith("new")).toBe(true);
      expect((await open(mail("new", kind)))?.startsWith("new")).toBe(true);
    }
  });

  it("of several unclean ends are all tried, and found again by the next run", async () => {
    const { store, former, clock, mail, put } = await fixture();
    for (const name of ["one", "two", "three"]) {
      await put(name);
      await former.retire();
      await clock.advance(1_000);
    }
    const next = new FormerSessions({ store, engine: namingEngine, clock });
    await next.load();
    for (const name of ["one", "two", "three"]) {
      const records = new CollectedRecords(store, OwnAccount.create(ownRow()), new Peers(store));
      expect(read(await next.decrypt(records, mail(name)))).toBe(name);
    }
  });

  it("refuse what none of them opens with the reason of the session in use", async () => {
    const { former, mail, open, put } = await fixture();
    await put("old");
    await former.retire();
    await expect(open(mail("other"))).rejects.toMatchObject({ reason: "noSession" });
  });

  it("are deleted after a month, and of one device only the newest are kept", async () => {
    const { store, former, clock, put } = await fixture();
    const kept = async () =>
      (await store.list({ after: "former/", before: "former0", limit: 100, order: "ascending" })).length;
    for (let time = 0; time < 9; time++) {
      await put(`session ${time}`);
      await former.retire();
      await clock.advance(1_000);
    }
    expect(await kept()).toBe(6);
    await clock.advance(40 * 24 * 3_600_000);
    await former.retire();
    expect(await kept()).toBe(0);
  });
});
