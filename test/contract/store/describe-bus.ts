/** The contract of the `Bus` port, as far as one node can show it. */

import { beforeEach, describe, expect, it } from "vitest";
import type { Bus, Notice } from "../../../server/ports.js";
import { mailbox } from "./harness.js";

/** Describes the contract for one adapter. */
export function describeBus(name: string, makeBus: () => Bus): void {
  describe(`${name} as a bus`, () => {
    let bus: Bus;
    beforeEach(() => {
      bus = makeBus();
    });

    const full: Notice = { kind: "mailboxFull" };

    it("hands a notice to the holder of the mailbox and to nobody else", async () => {
      const first: Notice[] = [];
      const second: Notice[] = [];
      await bus.attach(mailbox(1), (notice) => first.push(notice));
      await bus.attach(mailbox(2), (notice) => second.push(notice));
      expect(bus.publish(mailbox(1), full)).toBe(true);
      expect(first).toEqual([full]);
      expect(second).toEqual([]);
    });

    it("says when nobody is there", async () => {
      expect(bus.publish(mailbox(1), full)).toBe(false);
      const { detach } = await bus.attach(mailbox(1), () => {});
      detach();
      expect(bus.publish(mailbox(1), full)).toBe(false);
    });

    it("displaces the former holder, once, and serves the new one", async () => {
      const former: Notice[] = [];
      const latest: Notice[] = [];
      await bus.attach(mailbox(1), (notice) => former.push(notice));
      await bus.attach(mailbox(1), (notice) => latest.push(notice));
      bus.publish(mailbox(1), full);
      expect(former).toEqual([{ kind: "displaced" }]);
      expect(latest).toEqual([full]);
    });

    it("ignores the detach of a holder that was displaced, also if it is the same listener", async () => {
      const notices: Notice[] = [];
      const listener = (notice: Notice) => void notices.push(notice);
      const former = await bus.attach(mailbox(1), listener);
      const latest = await bus.attach(mailbox(1), listener);
      former.detach();
      expect(bus.publish(mailbox(1), full)).toBe(true);
      latest.detach();
      latest.detach();
      expect(bus.publish(mailbox(1), full)).toBe(false);
      expect(notices).toEqual([{ kind: "displaced" }, full]);
    });

    it("lets the former holder detach while it is told, without harm to the new one", async () => {
      const notices: Notice[] = [];
      const former = await bus.attach(mailbox(1), () => former.detach());
      await bus.attach(mailbox(1), (notice) => notices.push(notice));
      bus.publish(mailbox(1), full);
      expect(notices).toEqual([full]);
    });

    it("lets gap listeners come and go", () => {
      const unsubscribe = bus.onGap(() => {});
      unsubscribe();
      unsubscribe();
    });
  });
}
