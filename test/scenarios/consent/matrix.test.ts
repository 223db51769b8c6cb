/** Who may say what to whom, through two SDKs and a relay: five relations, four policies, four things to say. */

import { type FirstContactPolicy, firstContactPolicies, type MessageId } from "@sotto/protocol";
import { type Client, type DirectConversation, type Item, PolicyDeniedError, type SentMessage } from "@sotto/sdk/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../support/group-people.js";
import { nextEvent } from "../../support/world.js";
import { codeOf, type Person, requestOf, Town } from "./people.js";

const relations = ["stranger", "stranger with grant", "contact", "former contact", "blocked"] as const;
type Relation = (typeof relations)[number];
const sayings = ["first message", "second message", "reply", "group invitation"] as const;
type Saying = (typeof sayings)[number];

const NEED_FOLLOW = "policyDenied mutual_follow";
const NEED_CONTACT = "policyDenied contact";
const NO = "notAllowed";
/** The relay refuses it as every word; in the group the account is invited and never answers, as if it had not decided yet. */
const UNHEARD = "unheard";

/** What comes of it, by relation and saying, in the order of the policies: everyone, grant, contacts, nobody. */
const matrix: Readonly<Record<Relation, Readonly<Record<Saying, readonly string[]>>>> = {
  stranger: {
    "first message": ["request", NEED_FOLLOW, NEED_CONTACT, NEED_CONTACT],
    "second message": ["requestPending", NEED_FOLLOW, NEED_CONTACT, NEED_CONTACT],
    // Who was written to may answer, whatever the policy of the one who began.
    reply: ["shown", "shown", "shown", "shown"],
    "group invitation": ["invitation", NEED_FOLLOW, NEED_CONTACT, NEED_CONTACT],
  },
  "stranger with grant": {
    "first message": ["request", "request", NEED_CONTACT, NEED_CONTACT],
    "second message": ["requestPending", "requestPending", NEED_CONTACT, NEED_CONTACT],
    reply: ["shown", "shown", "shown", "shown"],
    "group invitation": ["invitation", "invitation", NEED_CONTACT, NEED_CONTACT],
  },
  contact: {
    "first message": ["shown", "shown", "shown", "shown"],
    "second message": ["shown", "shown", "shown", "shown"],
    reply: ["shown", "shown", "shown", "shown"],
    "group invitation": ["invitation", "invitation", "invitation", "invitation"],
  },
  "former contact": {
    "first message": ["shown", "shown", "shown", NO],
    "second message": ["shown", "shown", "shown", NO],
    reply: ["shown", "shown", "shown", NO],
    "group invitation": ["invitation", "invitation", "invitation", UNHEARD],
  },
  blocked: {
    "first message": [NO, NO, NO, NO],
    "second message": [NO, NO, NO, NO],
    reply: [NO, NO, NO, NO],
    "group invitation": [UNHEARD, UNHEARD, UNHEARD, UNHEARD],
  },
};

let town: Town;
beforeAll(async () => {
  town = await Town.open();
});
afterAll(async () => {
  await town?.close();
});

/** Two people as they stand before anything is refused: those who will be contacts of some kind accepted each other. */
function meet(relation: Relation): Promise<readonly [Person, Person]> {
  switch (relation) {
    case "stranger":
      return Promise.all([town.person(), town.person()]);
    case "stranger with grant":
      return Promise.all([town.vouchedFor(), town.person()]);
    case "contact":
    case "former contact":
    case "blocked":
      return town.contacts();
    default:
      return relation satisfies never;
  }
}

/** Lets the listener part with a contact, where the relation says so; answers the listener, whose client may be another. */
async function part(relation: Relation, speaker: Person, listener: Person): Promise<Person> {
  if (relation === "former contact") return town.rotateUnheard(listener);
  if (relation === "blocked") await (await listener.client.openDM({ accountId: speaker.client.accountId })).block();
  return listener;
}

/** Lets one speak and answers what comes of it: `shown` or a `request` there, or the code of the refusal here. */
async function outcome(speaker: Client, listener: Client, say: () => Promise<SentMessage>): Promise<string> {
  const from = speaker.accountId;
  const asked = nextEvent(listener, "request");
  const shown = nextEvent<{ item: Item }>(
    listener,
    "message",
    ({ item }) => item.from === from && item.kind !== "profile",
  );
  try {
    const sent = await say();
    const refused = await codeOf(sent.accepted);
    if (refused !== "fulfilled") return refused;
  } catch (error) {
    if (error instanceof PolicyDeniedError) return `${error.code} ${error.need.join(" ")}`;
    throw error;
  }
  return Promise.race([asked.then(() => "request"), shown.then(() => "shown")]);
}

/** Lets one invite the other to a group and answers what comes of it: `unheard` if the relay takes the invitation from nobody. */
async function invited({ client }: Person, listener: Person): Promise<string> {
  const came = nextEvent(listener.client, "invitation");
  const group = await client.groups.create({});
  const before = await accepted(client);
  try {
    await group.invite({ userId: listener.name });
  } catch (error) {
    if (error instanceof PolicyDeniedError) return `${error.code} ${error.need.join(" ")}`;
    return codeOf(Promise.reject(error));
  }
  // The group's own notice counts too, though nobody else is in it.
  return (await accepted(client)) - before === 2 ? came.then(() => "invitation") : "unheard";
}

/** What a client sent so far, once nothing waits any more. */
async function accepted(client: Client): Promise<number> {
  await until(async () => (await client.debugBundle()).outboxSize === 0);
  return (await client.debugBundle()).counts.sendsAccepted ?? 0;
}

async function play(relation: Relation, saying: Saying, policy: FirstContactPolicy): Promise<string> {
  const [speaker, met] = await meet(relation);
  const quoted = saying === "reply" ? await question(met, speaker) : undefined;
  const listener = await part(relation, speaker, met);
  await listener.client.setPolicy(policy);
  const say = (words: (conversation: DirectConversation) => SentMessage) =>
    outcome(speaker.client, listener.client, async () => words(await speaker.client.openDM({ userId: listener.name })));
  switch (saying) {
    case "first message":
      return say((dm) => dm.send({ text: "first" }));
    case "second message":
      await say((dm) => dm.send({ text: "first" }));
      return say((dm) => dm.send({ text: "second" }));
    case "reply":
      if (quoted === undefined) throw new Error("nothing to reply to");
      return say((dm) => dm.send({ text: "an answer", replyTo: quoted }));
    case "group invitation":
      return invited(speaker, listener);
    default:
      return saying satisfies never;
  }
}

/** Lets somebody be asked something; of a stranger that is a request, which the answer accepts. */
async function question(asker: Person, asked: Person): Promise<MessageId> {
  const conversation = await asker.client.openDM({ userId: asked.name });
  const sent = conversation.send({ text: "a question" });
  const { relation } = await conversation.peer();
  await (relation === "accepted" ? sent.delivered : requestOf(asked.client, asker.client));
  return sent.id;
}

describe("what is said", { timeout: 60_000 }, () => {
  const cells = relations.flatMap((relation) => sayings.map((saying) => [relation, saying] as const));
  it.each(cells)("by a %s, as a %s, meets every policy", async (relation, saying) => {
    const outcomes: string[] = [];
    for (const policy of firstContactPolicies) outcomes.push(await play(relation, saying, policy));
    expect(outcomes).toEqual(matrix[relation][saying]);
  });
});
