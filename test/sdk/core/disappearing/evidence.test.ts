/** The evidence of messages that disappear: it stays a day longer than they do, and not a day more. */

import { type Content, decodeEvidence, encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { EvidenceRows, REPORTABLE_AFTER_END_MS, reportableUntil } from "../../../../sdk/core/franking/evidence.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { evidenceBytesOf } from "../franking/franked.js";
import { contentOf, me, peer, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;

/** Takes what the peer says as the inbox does: with its evidence, in one commit. */
async function takeGenuine(it: TimedDevice, content: Content): Promise<void> {
  const encoded = encodeContent(content);
  const { account, device } = { account: content.sender, device: content.device };
  const acceptedMs = START_MS;
  const to = { audience: { kind: "account", account: me }, acceptedMs, me } as const;
  const evidence = decodeEvidence(evidenceBytesOf({ account, device }, encoded, to));
  const said = Genuine.fromOwnHistory({ content, encoded }, evidence);
  const outcome = await it.state.writer.write({ said, atMs: it.clock.now(), acceptedMs, status: "received" });
  const kept = await new EvidenceRows(it.store).shown(said, outcome);
  const { changes, sequence } = outcome.build();
  await it.store.commit([...changes, ...kept]);
  if (sequence !== undefined) it.state.timeline.announce(sequence);
}

async function untils(it: TimedDevice, { conversation, messageId }: Content): Promise<readonly number[]> {
  return (await new EvidenceRows(it.store).about(conversation, messageId)).map(({ untilMs }) => untilMs);
}

describe("the evidence of a message that disappears", () => {
  it("stays for a day after its end, with that of what was said about it", async () => {
    const it = await TimedDevice.start();
    it.online();
    const said = words(peer, "secret", TIMER_MS);
    await takeGenuine(it, said);
    await takeGenuine(it, contentOf(peer, { kind: "edit", target: said.messageId, text: "secret edit" }));
    expect(await untils(it, said)).toEqual([reportableUntil(START_MS), reportableUntil(START_MS)]);
    await it.read(said.messageId);
    await it.clock.advance(TIMER_MS);
    await it.settle();
    expect(await it.kinds()).toEqual([]);
    const untilMs = START_MS + TIMER_MS + REPORTABLE_AFTER_END_MS;
    expect(await untils(it, said)).toEqual([untilMs, untilMs]);
    const evidence = new EvidenceRows(it.store);
    await evidence.sweep(untilMs - 1);
    expect(await untils(it, said)).toHaveLength(2);
    await evidence.sweep(untilMs);
    expect(await untils(it, said)).toEqual([]);
    expect(await it.rowsWith("secret")).toEqual([]);
    expect(it.errors).toEqual([]);
  });

  it("of one that was over before it came is kept no longer either", async () => {
    const it = await TimedDevice.start();
    it.online();
    const said = words(peer, "secret", TIMER_MS);
    await it.takeReadMark([said.messageId], START_MS);
    await it.clock.advance(2 * TIMER_MS);
    await takeGenuine(it, said);
    expect(await it.kinds()).toEqual([]);
    expect(await untils(it, said)).toEqual([START_MS + TIMER_MS + REPORTABLE_AFTER_END_MS]);
  });
});
