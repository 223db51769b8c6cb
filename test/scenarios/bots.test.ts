/** Bots: ordinary clients that answer, at a rate of their own, and know when a human has taken over. */

import { Bot, type BotOptions } from "@sotto/sdk/bot";
import type { Client, DirectConversation } from "@sotto/sdk/node";
import { afterEach, describe, expect, it } from "vitest";
import { deferred } from "../../sdk/core/deferred.js";
import { manualClock } from "../sdk/core/link/manual-clock.js";
import { until } from "../support/group-people.js";
import { itemsUntil, nextEvent, textsOf, World } from "../support/world.js";

let world: World;
const stop: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stop.splice(0).map((end) => end()));
  await world.close();
});

/** A running bot. */
function running(client: Client, options: BotOptions, build: (bot: Bot) => Bot) {
  const end = new AbortController();
  const bot = build(new Bot(client, options));
  const ended = bot.run({ signal: end.signal });
  stop.push(async () => {
    end.abort();
    await ended;
  });
  return { ended, stop: () => stop.splice(0).reduce(async (before, one) => before.then(one), Promise.resolve()) };
}

const echo = (bot: Bot) => bot.match(/^echo (.+)$/i, (message) => message.reply(message.match?.[1] ?? ""));
const hears = (conversation: DirectConversation, text: string) =>
  itemsUntil(conversation, (item) => item.kind === "text" && item.text === text && item.direction === "received");

async function people() {
  world = await World.open();
  return Promise.all([world.client("alice"), world.client("helper", { accountRole: "bot" })]);
}

describe("a bot", () => {
  it("answers who asks to write to it, each message once, and says what it is", async () => {
    const [alice, helper] = await people();
    running(helper, {}, (bot) => echo(bot).otherwise((message) => message.reply("say `echo …`")));
    const toBot = await alice.openDM({ userId: "helper" });
    expect((await toBot.peer()).accountRole).toBe("bot");
    await toBot.send({ text: "echo hello" }).accepted;
    await hears(toBot, "hello");
    for (const text of ["echo one", "what?", "ECHO two"]) await toBot.send({ text }).accepted;
    const items = await hears(toBot, "two");
    expect(textsOf(items.filter(({ direction }) => direction === "received"))).toEqual([
      "hello",
      "one",
      "say `echo …`",
      "two",
    ]);
  });

  it("answers what came while it was away, and nothing twice", async () => {
    const [alice, helper] = await people();
    const first = running(helper, {}, echo);
    const toBot = await alice.openDM({ userId: "helper" });
    await toBot.send({ text: "echo before" }).accepted;
    await hears(toBot, "before");
    await first.stop();
    await helper.close();
    await toBot.send({ text: "echo meanwhile" }).accepted;
    running(await world.client("helper"), {}, echo);
    await hears(toBot, "meanwhile");
    await toBot.send({ text: "echo after" }).accepted;
    const items = await hears(toBot, "after");
    expect(textsOf(items.filter(({ direction }) => direction === "received"))).toEqual([
      "before",
      "meanwhile",
      "after",
    ]);
  });

  it("is silent where a human took over, leaves what comes unread, and goes on once it is handed back", async () => {
    const [alice, helper] = await people();
    running(helper, {}, (bot) =>
      echo(bot).match(/human/, async (message) => {
        await message.reply("one moment");
        await message.handOver("carol");
      }),
    );
    const toBot = await alice.openDM({ userId: "helper" });
    await toBot.send({ text: "a human please" }).accepted;
    await hears(toBot, "one moment");
    const seen = await helper.openDM({ userId: "alice" });
    await until(async () => (await seen.assignee()) === "carol", "the hand-over");
    await toBot.send({ text: "echo is anybody there" }).accepted;
    const [waiting] = (await itemsUntil(seen, (item) => item.kind === "text" && item.text.includes("anybody"))).slice(
      -1,
    );
    await seen.send({ text: "Carol here" }).accepted;
    await hears(toBot, "Carol here");
    expect((await seen.latest(2))[0]).toMatchObject({ kind: "text", status: "received" });
    if (waiting !== undefined && "messageId" in waiting && waiting.messageId) await seen.markRead([waiting.messageId]);
    await seen.assign(undefined);
    await toBot.send({ text: "echo thanks" }).accepted;
    const items = await hears(toBot, "thanks");
    expect(textsOf(items.filter(({ direction }) => direction === "received"))).toEqual([
      "one moment",
      "Carol here",
      "thanks",
    ]);
  });

  it("says no more than its rate, and loses nothing by it", async () => {
    const [alice, helper] = await people();
    const clock = manualClock();
    running(helper, { clock, ratePerConversation: { messages: 2, everyMs: 60_000 } }, echo);
    const toBot = await alice.openDM({ userId: "helper" });
    await toBot.send({ text: "echo 1" }).accepted;
    await hears(toBot, "1");
    for (const text of ["echo 2", "echo 3", "echo 4"]) await toBot.send({ text }).accepted;
    await hears(toBot, "2");
    const seen = await helper.openDM({ userId: "alice" });
    await itemsUntil(seen, (item) => item.kind === "text" && item.text === "echo 4");
    expect(textsOf((await seen.latest(100)).filter(({ direction }) => direction === "sent"))).toEqual(["1", "2"]);
    await until(async () => {
      await clock.advance(30_000);
      return seen.latest(1).then(([item]) => item?.kind === "text" && item.text === "4");
    }, "the fourth answer");
    await hears(toBot, "4");
  });

  it("does not answer other bots, so that two of them fall silent", async () => {
    world = await World.open();
    const [one, other] = await Promise.all([
      world.client("one", { accountRole: "bot" }),
      world.client("other", { accountRole: "bot" }),
    ]);
    const answered: string[] = [];
    const chatty = (bot: Bot) =>
      bot.otherwise(async (message) => {
        answered.push(message.text);
        await message.reply("and you?");
      });
    running(one, {}, chatty);
    running(other, {}, chatty);
    const toOther = await one.openDM({ userId: "other" });
    await toOther.send({ text: "hello" }).accepted;
    const fromOne = await other.openDM({ userId: "one" });
    await itemsUntil(fromOne, (item) => item.kind === "text" && item.text === "hello");
    await fromOne.send({ text: "said by hand" }).accepted;
    await itemsUntil(toOther, (item) => item.kind === "text" && item.text === "said by hand");
    expect(answered).toEqual([]);
  });

  it("tells of a handler that throws and goes on, or ends with it", async () => {
    const [alice, helper] = await people();
    const failures: unknown[] = [];
    const build = (bot: Bot) =>
      echo(
        bot.match(/^fail/, () => {
          throw new Error("a bug in the handler");
        }),
      );
    running(helper, { failed: ({ error, message }) => failures.push([message.text, String(error)]) }, build);
    const toBot = await alice.openDM({ userId: "helper" });
    const accepted = nextEvent(alice, "contact");
    await toBot.send({ text: "fail" }).accepted;
    await until(() => failures.length > 0, "the failure");
    await accepted;
    await toBot.send({ text: "echo still here" }).accepted;
    await hears(toBot, "still here");
    expect(failures).toEqual([["fail", "Error: a bug in the handler"]]);
    await Promise.all(stop.splice(0).map((end) => end()));
    // It may end before its sender hears that the message was accepted.
    const strict = expect(build(new Bot(helper)).run()).rejects.toThrow("a bug in the handler");
    await toBot.send({ text: "fail again" }).accepted;
    await strict;
  });

  it("is not ended by somebody who asks and blocks it before the answer", async () => {
    const [alice, helper] = await people();
    const blocked = deferred<void>();
    const refused = deferred<unknown>();
    const { ended } = running(helper, {}, (bot) =>
      echo(bot).match(/^wait/, async (message) => {
        await blocked.promise;
        await message.reply("too late").catch((error: unknown) => {
          refused.resolve(error);
          throw error;
        });
      }),
    );
    const toBot = await alice.openDM({ userId: "helper" });
    await toBot.send({ text: "wait" }).accepted;
    await toBot.block();
    blocked.resolve();
    expect(await Promise.race([refused.promise, ended])).toMatchObject({ code: "notAllowed" });
    const carol = await world.client("carol");
    const carolToBot = await carol.openDM({ userId: "helper" });
    await carolToBot.send({ text: "echo hello" }).accepted;
    await Promise.race([hears(carolToBot, "hello"), ended]);
    expect(textsOf(await carolToBot.latest(10))).toContain("hello");
  });
});
