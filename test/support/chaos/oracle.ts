/**
 * What devices must show in the end, decided from a run's records alone.
 *
 * Nothing that the relay accepted may be missing on a device that was there (it joined before, or its donor handed it
 * over), with these exceptions, each of which needs that every holder of the plaintext is gone or was put back:
 *
 * - A device that was put back to an old copy forgets what it said and heard since. It must get back what any other
 *   device of its account still holds (as history), and what the peer's device that said it still keeps (as a resend).
 *   Lost is only what neither holds: it said it alone, or the saying device was put back behind it or revoked as well.
 * - What a device said and the relay accepted reaches the account's other devices in a second step. If the device is put
 *   back or revoked in between, they may never learn of it. Known as told is what was said before the device was once
 *   seen with an empty outbox; but one that was put back has its copy's outbox, whose emptiness says nothing of what was
 *   said between copy and putting back.
 * - What was only queued when a device was revoked, reset or put back, and never accepted, is nobody's.
 * - A reset begins anew: a device of the new identity owes nothing of what was accepted before it was registered. The
 *   peer keeps, and owes, everything it had.
 * - A device that was put back cannot open what was encrypted for its later state. Its sender is asked again; if that
 *   device is revoked or was put back itself, the envelope stays closed, and the item says so.
 *
 * A text's words, reactions and deletion must agree on every two devices, unless a change of it is itself among the
 * exceptions on one of them, or was refused (then its author's device alone shows it).
 */

import type { MessageId } from "@sotto/protocol";

import type { Side } from "./events.js";
import type { Biography, Ledger, Saying } from "./ledger.js";

/** Answers what must be, for the records of one run that is over. */
export class Oracle {
  private readonly changes = new Map<MessageId, Saying[]>();
  private readonly secured = new Map<string, boolean>();

  constructor(private readonly ledger: Ledger) {
    for (const saying of ledger.sayings.values()) {
      if (saying.target === undefined) continue;
      this.changes.set(saying.target, [...(this.changes.get(saying.target) ?? []), saying]);
    }
  }

  /** Whether a device must have a saying. */
  mustHave(saying: Saying, device: Biography): boolean {
    return saying.outcome.state === "accepted" && this.wasThere(device, saying) && this.isSecured(saying, device.side);
  }

  /** Whether a text must look the same on a device as on every other one of which this is true. */
  mustAgree(text: Saying, device: Biography): boolean {
    return (this.changes.get(text.id) ?? []).every((change) => {
      // Of what was under way when its author ended nobody knows whether the relay took it.
      if (change.outcome.state === "open") return false;
      if (change.outcome.state !== "accepted") return this.author(change)?.endedAt !== undefined;
      return this.mustHave(change, device);
    });
  }

  /**
   * Messages that must show as read on every device of a side that has them, because one of them surely knows. Not those of
   * an identity that is gone: nobody is there to take the receipt, and own devices are told once it was taken.
   */
  mustBeRead(side: Side): ReadonlySet<MessageId> {
    const read = new Set<MessageId>();
    for (const device of this.ledger.live(side)) {
      for (const { id, at } of device.reads) {
        const said = this.ledger.sayings.get(id);
        const isGone = this.ledger.resets.some((reset) => reset.side === said?.side && reset.at >= said.at);
        if (!isGone && !device.restores.some((restore) => restore.at > at)) read.add(id);
      }
    }
    return read;
  }

  /** Whether what does not open on a device may stay closed: it was put back, and who could say it again is gone. */
  mayStayClosed(device: Biography): boolean {
    const first = Math.min(...device.restores.map(({ copy }) => copy.takenAt));
    if (device.restores.length === 0) return false;
    return [...this.ledger.biographies.values()].some(
      (one) => one.side !== device.side && ((one.endedAt ?? -1) > first || one.restores.some(({ at }) => at > first)),
    );
  }

  /** Whether some live device holds a saying for certain, so that the others of a side can get it. */
  private isSecured(saying: Saying, side: Side): boolean {
    const key = `${saying.id} ${side}`;
    const known = this.secured.get(key);
    if (known !== undefined) return known;
    const is = this.authorHolds(saying) || this.ledger.live(side).some((device) => this.holds(device, saying));
    this.secured.set(key, is);
    return is;
  }

  /** Whether a device other than the author's has it, whatever became of the author's. */
  private holds(device: Biography, saying: Saying): boolean {
    if (device.name === saying.author || !this.wasThere(device, saying)) return false;
    // Put back, it may need the author to open what was meant for its later state.
    if (device.restores.length > 0) return false;
    if (device.inherits.has(saying.id)) return true;
    return device.side !== saying.side || this.author(saying)?.synced.has(saying.id) === true;
  }

  /** Whether the device that said it still has it. */
  private authorHolds(saying: Saying): boolean {
    const author = this.author(saying);
    if (author === undefined || author.endedAt !== undefined) return false;
    return author.restores.every(({ at, copy }) => at < saying.at || copy.holds.has(saying.id));
  }

  private author({ author }: Saying): Biography | undefined {
    return this.ledger.biographies.get(author);
  }

  /** Whether a saying was meant for a device too: said or accepted after it joined, or handed over by its donor. */
  private wasThere(device: Biography, saying: Saying): boolean {
    if (saying.at > device.joinedAt) return true;
    if (device.inherits.has(saying.id) && this.isHandedOver(device)) return true;
    return saying.outcome.state === "accepted" && this.ledger.acceptedMs(saying) > device.joinedMs;
  }

  /** A donor that was revoked or put back on the way hands nothing over any more. */
  private isHandedOver(device: Biography): boolean {
    if (device.isInheritanceDone) return true;
    const donor = this.ledger.biographies.get(device.donor ?? "");
    return donor !== undefined && donor.endedAt === undefined && donor.restores.every(({ at }) => at < device.joinedAt);
  }
}
