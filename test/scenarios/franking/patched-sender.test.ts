/**
 * A contact with a modified client that franks wrongly: whatever it says, in whatever kind, is not shown. The relay takes all of
 * it, for it cannot tell, and the conversation goes on.
 */

import { randomBytes, sign } from "node:crypto";
import { type Content, encodeContent, type Franked, type Payload } from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inEveryKind, type Targets } from "../../support/every-kind.js";
import {
  contentOf,
  newContentId,
  newTokenKey,
  payloadOf,
  RawDevice,
  type Said,
} from "../../support/raw-client/index.js";
import { Attack, pictureOf } from "../security/attack.js";

let attack: Attack;
/** Somebody else with tokens of its own. */
let eve: RawDevice;
let targets: Targets;

beforeEach(async () => {
  attack = await Attack.open({ mailboxEnvelopes: 10_000 });
  eve = await RawDevice.register(attack.world.url, "eve");
  targets = { text: newContentId(), poll: newContentId() };
  const { mallory } = attack;
  const text = contentOf(
    mallory,
    attack.bob.account,
    { kind: "text", text: "what is spoken about" },
    { messageId: targets.text },
  );
  const poll = contentOf(
    mallory,
    attack.bob.account,
    { kind: "poll", question: "which?", options: ["a", "b"], choose: "one" },
    { messageId: targets.poll },
  );
  await attack.deliver([
    await mallory.seal(attack.bob, payloadOf(text)),
    await mallory.seal(attack.bob, payloadOf(poll)),
  ]);
  await attack.sayHonestly("before");
});
afterEach(async () => {
  await attack.expectConversationGoesOn();
  await eve.close();
  await attack.close();
});

/** A frank that is wrong in one way, on a content. */
type Lie = (content: Uint8Array, said: Said) => Promise<Partial<Franked>>;

const toBob = () => ({ kind: "account", account: attack.bob.account }) as const;
const other = (said: Said): Uint8Array => encodeContent(contentOf(attack.mallory, attack.bob.account, said));

/** Every way to frank wrongly that needs no secret of others. */
const lies: Readonly<Record<string, Lie>> = {
  "without a frank": async () => ({ commitment: bytes(32) }),
  "with a commitment to something else": async (content) => {
    const { frank } = await attack.mallory.franks.frank(content, toBob());
    return { frank, commitment: bytes(32) };
  },
  "with a frank of other words": async (_content, said) => attack.mallory.franks.frank(other(said), toBob()),
  "with a frank that was meant for somebody else": async (content) =>
    attack.mallory.franks.frank(content, { kind: "account", account: eve.account }),
  "with somebody else's token": async (content) =>
    attack.mallory.franks.frank(content, toBob(), { token: await eve.franks.token() }),
  "with a token it made itself": async (content) => {
    const token = { ...(await attack.mallory.franks.token()), ...newTokenKey() };
    return attack.mallory.franks.frank(content, toBob(), { token });
  },
  "with a signature by another key": async (content) => {
    const { privateKey } = newTokenKey();
    return attack.mallory.franks.frank(content, toBob(), {
      sign: (text) => new Uint8Array(sign(null, text, privateKey)),
    });
  },
  "as another device of its account": async (content) => {
    const speaker = { account: attack.mallory.account, device: 2 as Content["device"] };
    return attack.mallory.franks.frank(content, toBob(), { speaker });
  },
  "in another realm": async (content) => attack.mallory.franks.frank(content, toBob(), { realm: bytes(16) }),
  "with a token of another epoch": async (content) => {
    const token = await attack.mallory.franks.token();
    return attack.mallory.franks.frank(content, toBob(), { token: { ...token, epoch: token.epoch - 3 } });
  },
  "with a frank of a later version": async (content) => {
    const franked = await attack.mallory.franks.frank(content, toBob());
    return { ...franked, frank: franked.frank.with(0, 2) };
  },
};

function bytes(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size));
}

async function sealedWith(lie: Lie, said: Said): Promise<Uint8Array> {
  const content = encodeContent(contentOf(attack.mallory, attack.bob.account, said));
  const { frank, commitment = bytes(32) } = await lie(content, said);
  const payload: Payload = { type: "content", content, frank };
  return attack.mallory.sealFranked(attack.bob, payload, commitment);
}

describe("a contact that franks wrongly", () => {
  for (const [way, lie] of Object.entries(lies)) {
    it(`is not shown in any kind, ${way}`, async () => {
      const { pair, mallory } = attack;
      const toMallory = await pair.bob.openDM({ accountId: mallory.account });
      const peer = await toMallory.peer();
      const said = inEveryKind(targets).filter(({ kind }) => kind !== "groupProfile");
      const bodies: Uint8Array[] = [];
      for (const one of said) bodies.push(await sealedWith(lie, one));
      const { texts, kinds, altered, counts } = await attack.changedBy(bodies);
      expect({ texts, kinds, altered }).toEqual({ texts: ["an honest word"], kinds: ["text"], altered: [] });
      expect(await toMallory.peer()).toEqual(peer);
      const refused = Object.entries(counts).filter(([name]) => name.startsWith("unshown."));
      expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBe(said.length);
    });
  }

  it("is shown in every kind that belongs between two, franked as it should be", async () => {
    const { mallory, bob, pair } = attack;
    const before = await pictureOf(pair.bob);
    for (const said of inEveryKind(targets)) {
      if (said.kind === "delete" || said.kind === "timer" || said.kind === "groupProfile") continue;
      await attack.deliver([await mallory.seal(bob, payloadOf(contentOf(mallory, bob.account, said)))]);
    }
    await attack.sayHonestly("behind it");
    const toMallory = await pair.bob.openDM({ accountId: mallory.account });
    expect(await toMallory.peer()).toMatchObject({ name: "a name" });
    const after = await pictureOf(pair.bob);
    expect(after.items.length - before.items.length).toBe(13);
  });
});
