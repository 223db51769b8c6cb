/** One sender and one receiver, and the account of what was sent, accepted and delivered between them. */

import { bodySequence, type Dialect, type Receiver, type Recipient, type Sender } from "./dialect.js";

/** A message under way. It is completed by its acceptance and its delivery together. */
interface Flight {
  readonly intendedMs: number;
  acceptedMs: number | undefined;
  deliveredMs: number | undefined;
}

/** A completed message, in ms of the generator's clock. */
export interface Completion {
  readonly intendedMs: number;
  readonly acceptedMs: number;
  readonly deliveredMs: number;
}

/** What must stay 0. */
export interface Faults {
  lost: number;
  /** Not taken by an overloaded relay, which said so: its client would have to send again. */
  refused: number;
  duplicated: number;
  reordered: number;
}

/** Unanswered sends a pair keeps on the wire, below the relay's limit for a connection; more wait here, aging. */
const MAX_UNDER_WAY = 200;

/** A connected pair. */
export class Pair {
  /** Called at each completion. */
  completed: (completion: Completion) => void = () => undefined;
  /** Called when a message was refused, and is out of the account. */
  dropped: () => void = () => undefined;

  private sequence = 0;
  private expected = 1;
  private readonly flights = new Map<number, Flight>();
  /** Skipped by later deliveries; whatever of it still comes was reordered. */
  private readonly missing = new Set<number>();
  private readonly waiting: number[] = [];
  private readonly faults: Faults = { lost: 0, refused: 0, duplicated: 0, reordered: 0 };
  private toAcknowledge = 0;

  private constructor(
    private readonly sender: Sender,
    private readonly receiver: Receiver,
  ) {}

  /** Connects both sides and waits until the receiver is live. */
  static async open(dialect: Dialect, recipient: Recipient, failed: (reason: string) => void): Promise<Pair> {
    let pair: Pair | undefined;
    let live: () => void = () => undefined;
    const isLive = new Promise<void>((resolve) => {
      live = resolve;
    });
    const receiver = await dialect.openReceiver(recipient, {
      delivered: (cursor, body) => pair?.delivered(cursor, body),
      queueEmpty: () => live(),
      failed,
    });
    await isLive;
    const sender = await dialect.openSender(recipient, {
      accepted: (sequence) => pair?.accepted(sequence),
      refused: (sequence) => pair?.refused(sequence),
      failed,
    });
    pair = new Pair(sender, receiver);
    return pair;
  }

  /** Sends one message, or lets it wait if too many are unanswered; its age counts from `intendedMs` either way. */
  send(intendedMs: number): void {
    if (this.flights.size >= MAX_UNDER_WAY) {
      this.waiting.push(intendedMs);
      return;
    }
    this.sequence += 1;
    this.flights.set(this.sequence, { intendedMs, acceptedMs: undefined, deliveredMs: undefined });
    this.sender.send(this.sequence);
  }

  /** Writes what is queued now instead of at the end of the turn. */
  flush(): void {
    this.sender.socket.flush();
  }

  /** Messages not completed. */
  get underWay(): number {
    return this.flights.size + this.waiting.length;
  }

  /** Closes both connections and answers the faults; what is still under way is lost. */
  close(): Faults {
    this.sender.socket.close();
    this.receiver.socket.close();
    this.faults.lost += this.underWay;
    return this.faults;
  }

  private accepted(sequence: number): void {
    const flight = this.flights.get(sequence);
    if (flight === undefined || flight.acceptedMs !== undefined) {
      this.faults.duplicated += 1;
      return;
    }
    flight.acceptedMs = performance.now();
    this.settle(sequence, flight);
  }

  private refused(sequence: number): void {
    const flight = this.flights.get(sequence);
    if (flight === undefined) return;
    this.flights.delete(sequence);
    this.faults.refused += 1;
    this.dropped();
    this.sendWaiting();
  }

  private delivered(cursor: number, body: Uint8Array): void {
    const sequence = bodySequence(body);
    if (this.toAcknowledge === 0) setImmediate(() => this.acknowledge());
    this.toAcknowledge = cursor;
    if (sequence >= this.expected) {
      for (let skipped = this.expected; skipped < sequence; skipped++) this.missing.add(skipped);
      this.expected = sequence + 1;
    } else {
      if (this.missing.delete(sequence)) this.faults.reordered += 1;
      else this.faults.duplicated += 1;
    }
    const flight = this.flights.get(sequence);
    if (flight === undefined || flight.deliveredMs !== undefined) return;
    flight.deliveredMs = performance.now();
    this.settle(sequence, flight);
  }

  /** One acknowledgement for everything one turn of the event loop brought, as a client with a durable commit would send. */
  private acknowledge(): void {
    const upTo = this.toAcknowledge;
    this.toAcknowledge = 0;
    this.receiver.acknowledge(upTo);
  }

  private settle(sequence: number, { intendedMs, acceptedMs, deliveredMs }: Flight): void {
    if (acceptedMs === undefined || deliveredMs === undefined) return;
    this.flights.delete(sequence);
    this.completed({ intendedMs, acceptedMs, deliveredMs });
    this.sendWaiting();
  }

  private sendWaiting(): void {
    const next = this.waiting.shift();
    if (next !== undefined) this.send(next);
  }
}
