import {
  directConversationId,
  encodeContent,
  encodePayload,
  type Frame,
  type MessageId,
  type Payload,
  parseMessageId,
} from "@sotto/protocol";
import { nodePlatform } from "@sotto/sdk/node";
import { beforeEach, describe, expect, it } from "vitest";
import { fixtureOf, type People } from "../../contract/engine/fixture.js";
import { NOW_MS } from "../../contract/engine/party.js";
import { Acceptances } from "./acceptances.js";

const ID = parseMessageId("a".repeat(32));
const sendId = new Uint8Array(16);

let heard: (readonly [MessageId, number])[];
let acceptances: Acceptances;
let people: People;

beforeEach(async () => {
  const engine = await nodePlatform.engine();
  people = await fixtureOf(() => engine).connected();
  heard = [];
  acceptances = new Acceptances((id, acceptedMs) => heard.push([id, acceptedMs]));
});

/** A send of alice to bob, as her life puts it on a connection. */
async function sending(
  id: number,
  how: Pick<Payload & { type: "content" }, "resendOf"> = {},
  { engine } = { engine: acceptances.engine(people.engine) },
): Promise<Frame<"send">> {
  const { alice, bob } = people;
  const content = encodeContent({
    ...{ sender: alice.address.account, device: alice.address.device, messageId: ID, counter: 1, sentAtMs: NOW_MS },
    ...{ conversation: directConversationId(alice.address.account, bob.address.account), seen: [] },
    ...{ kind: "text", text: "hello" },
  });
  const plaintext = encodePayload({ type: "content", content, ...how });
  const { sealed, changes } = await engine.encrypt(alice, bob.address, plaintext, alice.certificate(), NOW_MS);
  alice.apply(changes);
  const envelopes = [{ device: bob.address.device, registrationId: bob.registrationId, body: sealed }];
  return {
    ...{ type: "send", id, messageId: sendId, storage: "stored", urgency: "normal", purpose: "message" },
    ...{
      commitment: new Uint8Array(32),
      wantBundles: "no",
      recipients: [{ account: bob.address.account, scope: "all", envelopes }],
    },
  } as const;
}

const accepted = (id: number, acceptedMs: number) => ({ type: "accepted", id, acceptedMs, stamps: [] }) as const;

describe("acceptances on the wire", () => {
  it("are told with the message and the relay's time, of a repeat where the answer was lost", async () => {
    acceptances.line().asked(await sending(1));
    const next = acceptances.line();
    next.asked(await sending(7));
    next.answered(accepted(7, 1_000));
    expect(heard).toEqual([[ID, 1_000]]);
  });

  it("are those of one connection each", async () => {
    acceptances.line().asked(await sending(1));
    acceptances.line().answered(accepted(1, 1_000));
    expect(heard).toEqual([]);
  });

  it("are not those of resends, nor of what another life says", async () => {
    const line = acceptances.line();
    line.asked(await sending(1, { resendOf: sendId }));
    line.asked(await sending(2, {}, people));
    line.answered(accepted(1, 1_000));
    line.answered(accepted(2, 1_000));
    expect(heard).toEqual([]);
  });
});
