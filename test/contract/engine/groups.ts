import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { EngineRefusal } from "../../../sdk/core/ports.js";
import { type Fixture, type People, refusal } from "./fixture.js";
import { copyOf, GROUP, meet, readsOf, Speaker, unsealed } from "./group-talk.js";
import { addressed } from "./oracle.js";
import { NOW_MS, type Party } from "./party.js";

const DAY_MS = 86_400_000;

/** Alice with a key that both of bob's devices and carol hold. */
async function speaking(fixture: Fixture): Promise<People & { speaker: Speaker; members: readonly Party[] }> {
  const people = fixture();
  const { engine, alice, bob, bobsPhone, carol } = people;
  const members = [bob, bobsPhone, carol];
  const speaker = new Speaker(engine, alice);
  await meet(alice, members);
  await speaker.handTo(...members);
  return { ...people, speaker, members };
}

/** Encrypting once for many devices. */
export function describeGroups(fixture: Fixture): void {
  describe("a message to a group", () => {
    test("is opened by twenty devices, each once, and says whose it is, of which distribution and group", async () => {
      const people = fixture();
      const members = Array.from({ length: 20 }, (_, index) => people.another({ name: `member ${index}` }));
      const speaker = new Speaker(people.engine, people.alice);
      await meet(people.alice, members);
      await speaker.handTo(...members);
      for (const text of ["first", "second"]) {
        const message = await speaker.say(members, text);
        for (const member of members) {
          const { sender, senderIdentity, kind, distribution, group } = await unsealed(
            people,
            member,
            copyOf(message, member),
          );
          expect({ sender, senderIdentity, kind, distribution, group }).toEqual({
            sender: people.alice.address,
            senderIdentity: people.alice.identity.publicKey,
            kind: "senderKey",
            distribution: speaker.distribution,
            group: GROUP,
          });
          expect(await member.receive(copyOf(message, member))).toBe(text);
          const before = member.snapshot();
          expect(await refusal(member.open(copyOf(message, member)))).toBe("duplicate");
          expect(member.snapshot()).toEqual(before);
        }
      }
    });

    test("is the same bytes for both devices of one account, and reaches our own other device", async () => {
      const { engine, bob, bobsPhone, alice } = fixture();
      const speaker = new Speaker(engine, bob);
      await meet(bob, [alice, bobsPhone]);
      await speaker.handTo(alice, bobsPhone);
      const message = await speaker.say([alice, bobsPhone], "to all of us");
      expect(await alice.receive(copyOf(message, alice))).toBe("to all of us");
      expect(await bobsPhone.receive(copyOf(message, bobsPhone))).toBe("to all of us");

      const { speaker: another, members } = await speaking(fixture);
      const [desk, phone] = members as [Party, Party];
      const shared = await another.say(members, "both");
      expect(copyOf(shared, desk)).toEqual(copyOf(shared, phone));
      expect([await desk.receive(copyOf(shared, desk)), await phone.receive(copyOf(shared, phone))]).toEqual([
        "both",
        "both",
      ]);
    });

    test("names every device with its registration id, accounts in the order in which they were first given", async () => {
      const { speaker, bob, bobsPhone, carol } = await speaking(fixture);
      const named = (account: Party, ...devices: readonly Party[]) => ({
        account: account.address.account,
        devices: devices.map(({ address }) => address.device),
        registrationIds: devices.map(({ registrationId }) => registrationId),
      });
      expect(addressed(await speaker.say([bob, carol, bobsPhone], "hi"))).toEqual([
        named(bob, bob, bobsPhone),
        named(carol, carol),
      ]);
      expect(addressed(await speaker.say([carol, bobsPhone, bob], "hi"))).toEqual([
        named(carol, carol),
        named(bob, bobsPhone, bob),
      ]);
    });

    test("changes the sender key alone: sessions are neither used up nor needed for the next one", async () => {
      const { speaker, alice, bob, members } = await speaking(fixture);
      const before = alice.sessionWith(bob);
      const { changes } = await speaker.encrypt(members, "hi");
      expect(changes).toMatchObject([
        { kind: "senderKey", address: alice.address, distribution: speaker.distribution },
      ]);
      alice.apply(changes);
      expect(alice.sessionWith(bob)).toEqual(before);
      expect(await bob.receive(await alice.send(bob, "aside"))).toBe("aside");
    });

    test("leaves everything to the caller: what was not committed is not remembered, and its key is used again", async () => {
      const { speaker, alice, bob, carol, members } = await speaking(fixture);
      const before = alice.snapshot();
      const lost = await speaker.encrypt(members, "never committed");
      expect(alice.snapshot()).toEqual(before);
      const next = await speaker.say(members, "the one that left");
      expect(await bob.receive(copyOf(next, bob))).toBe("the one that left");
      expect(await refusal(bob.open(copyOf(lost.message, bob)))).toBe("duplicate");
      expect(await carol.receive(copyOf(lost.message, carol))).toBe("never committed");
      expect(await refusal(carol.open(copyOf(next, carol)))).toBe("duplicate");
    });

    test("opens out of order, each once", async () => {
      const { speaker, bob } = await speaking(fixture);
      const sent: Uint8Array[] = [];
      for (let index = 0; index < 10; index++) sent.push(await speaker.sayTo(bob, String(index)));
      for (const index of [7, 0, 9, 1, 8, 2, 3, 6, 5, 4]) {
        expect(await bob.receive(sent[index] as Uint8Array)).toBe(String(index));
      }
      for (const sealed of sent) expect(await refusal(bob.open(sealed))).toBe("duplicate");
    });

    test("opens for nobody whom it is not sealed to, member or not", async () => {
      const { speaker, bob, carol } = await speaking(fixture);
      const sealed = await speaker.sayTo(bob, "for bob");
      expect(await refusal(carol.open(sealed))).toBe("invalidSealed");
    });

    test("may go to nobody at all, and still moves the key on", async () => {
      const { speaker, bob } = await speaking(fixture);
      expect(addressed(await speaker.say([], "to nobody"))).toEqual([]);
      expect(await bob.receive(await speaker.sayTo(bob, "to bob"))).toBe("to bob");
    });
  });

  describe("encrypting to a group", () => {
    test("lists exactly the devices without a session that can encrypt now, and changes nothing", async () => {
      const { engine, speaker, alice, bob, bobsPhone, carol, another } = await speaking(fixture);
      const [stranger, silent] = [another({ name: "stranger" }), another({ name: "silent" })];
      await alice.startSession(silent, undefined, NOW_MS - 31 * DAY_MS);
      const archived = engine.archiveSession(alice.sessionWith(carol) ?? new Uint8Array());
      alice.apply([{ kind: "session", address: carol.address, record: archived }]);
      alice.forgetSession(bobsPhone);
      const before = alice.snapshot();
      const refused = await speaker
        .encrypt([bob, bobsPhone, stranger, carol, silent], "hi")
        .catch((error: unknown) => error);
      if (!(refused instanceof EngineRefusal)) throw new Error("the engine did not refuse");
      expect([refused.reason, refused.missing]).toEqual([
        "noSession",
        [bobsPhone, stranger, carol, silent].map(({ address }) => address),
      ]);
      expect(alice.snapshot()).toEqual(before);
      expect(`${refused.message} ${refused.stack}`).not.toContain(stranger.address.account);

      await meet(alice, [bobsPhone, stranger, carol, silent]);
      const message = await speaker.say([bob, bobsPhone, stranger, carol, silent], "now");
      expect(await bobsPhone.receive(copyOf(message, bobsPhone))).toBe("now");
    });

    test("counts a device whose identity is not held as one without a session", async () => {
      const { speaker, alice, bob, carol } = await speaking(fixture);
      alice.identities.delete(carol.address.account);
      await expect(speaker.encrypt([bob, carol], "hi")).rejects.toMatchObject({
        reason: "noSession",
        missing: [carol.address],
      });
    });

    test("needs a key of this distribution, before anything else", async () => {
      const { engine, alice, bob, another } = await speaking(fixture);
      const before = alice.snapshot();
      const keyless = new Speaker(engine, alice);
      expect(await refusal(keyless.encrypt([bob], "hi"))).toBe("noSenderKey");
      expect(await refusal(keyless.encrypt([another({ name: "stranger" })], "hi"))).toBe("noSenderKey");
      expect(alice.snapshot()).toEqual(before);
    });

    test("takes no device twice, no id of another size, and no certificate that is none", async () => {
      const { engine, speaker, alice, bob, members } = await speaking(fixture);
      expect(await refusal(speaker.encrypt([...members, bob], "hi"))).toBe("malformed");
      const encrypting = {
        distribution: speaker.distribution,
        group: GROUP,
        recipients: [bob.address],
        plaintext: new Uint8Array(3),
        certificate: alice.certificate(),
        nowMs: NOW_MS,
      };
      const others = [
        { group: new Uint8Array(15) },
        { group: new Uint8Array(17) },
        { distribution: new Uint8Array(0) },
        { distribution: new Uint8Array(17) },
        { certificate: new Uint8Array(9) },
      ];
      for (const other of others) {
        expect(await refusal(engine.encryptToGroup(alice, { ...encrypting, ...other }))).toBe("malformed");
      }
    });

    test("passes on what the records throw", async () => {
      const { engine, speaker, alice, bob } = await speaking(fixture);
      const broken = new Error("the disk is gone");
      for (const method of ["session", "peerIdentity", "senderKey"] as const) {
        const records = readsOf(alice, { [method]: () => Promise.reject(broken) });
        const encrypting = {
          distribution: speaker.distribution,
          group: GROUP,
          recipients: [bob.address],
          plaintext: randomBytes(5),
          certificate: alice.certificate(),
          nowMs: NOW_MS,
        };
        await expect(engine.encryptToGroup(records, encrypting)).rejects.toBe(broken);
      }
    });
  });
}
