/** Notices may be lost; mail may not. */

import { describe, expect, it } from "vitest";
import type { Bus } from "../../../server/ports.js";
import { localBus } from "../../../server/store/index.js";
import { sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

/** A bus that loses every mail notice, and can say so. */
function losingBus(): Bus & { gap(): void } {
  const inner = localBus();
  const listeners = new Set<() => void>();
  return {
    publish: (mailbox, notice) => (notice.kind === "mail" ? false : inner.publish(mailbox, notice)),
    attach: (mailbox, listener) => inner.attach(mailbox, listener),
    onGap(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    gap() {
      for (const listener of listeners) listener();
    },
  };
}

describe("mail whose notice was lost", () => {
  it("is found when the bus reports a gap, and by every sweep", async () => {
    const bus = losingBus();
    const relay = await TestRelay.start({ bus });
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const write = async () => {
      sender.say(sendFrame(sender, [sealedTo(alice.device)]));
      await sender.next("accepted");
    };
    await write();
    expect(await alice.client.rest()).toEqual([]);
    bus.gap();
    expect((await alice.client.next("deliver")).cursor).toBe(1);
    await write();
    await write();
    await relay.relay.sweep({ aborted: false });
    expect((await alice.client.next("deliver")).cursor).toBe(2);
    expect((await alice.client.next("deliver")).cursor).toBe(3);
    expect(await alice.client.rest()).toEqual([]);
  });

  it("is not looked for any more once the relay is closed", async () => {
    const bus = losingBus();
    const relay = await TestRelay.start({ bus });
    await relay.relay.close();
    await relay.store.close();
    bus.gap();
    expect(relay.bugs).toEqual([]);
  });
});
