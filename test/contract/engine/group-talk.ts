import { randomBytes } from "node:crypto";
import type { Engine, EngineRecords } from "../../../sdk/core/ports.js";
import type { Fixture, People } from "./fixture.js";
import { copyFor, type Root } from "./oracle.js";
import { NOW_MS, type Party } from "./party.js";

/** The group everything in the suite is said in, unless a test says otherwise. */
export const GROUP = new Uint8Array(16).fill(0xa7);

/** Sessions from one party to others. */
export async function meet(from: Party, others: readonly Party[]): Promise<void> {
  for (const other of others) await from.startSession(other);
}

/** One sender's words under one distribution. */
export class Speaker {
  readonly distribution = new Uint8Array(randomBytes(16));

  constructor(
    private readonly engine: Engine,
    readonly party: Party,
  ) {}

  /** The distribution message of now, committed here. */
  async distribute(): Promise<Uint8Array> {
    const { message, changes } = await this.engine.distributeSenderKey(this.party, this.distribution);
    this.party.apply(changes);
    return message;
  }

  /** Hands the key as it is now to others; they commit it. */
  async handTo(...others: readonly Party[]): Promise<void> {
    const message = await this.distribute();
    for (const other of others) other.apply(await this.taken(other, message));
  }

  /** What another one would commit of a distribution message of this sender. */
  taken(other: Party, message: Uint8Array) {
    return this.engine.takeSenderKey(other, this.party.address, { distribution: this.distribution, message });
  }

  /** Encrypts without committing. */
  encrypt(recipients: readonly Pick<Party, "address">[], text: string, nowMs = NOW_MS) {
    return this.engine.encryptToGroup(this.party, {
      distribution: this.distribution,
      group: GROUP,
      recipients: recipients.map(({ address }) => address),
      plaintext: new TextEncoder().encode(text),
      certificate: this.party.certificate(),
      nowMs,
    });
  }

  /** Encrypts and commits. */
  async say(recipients: readonly Pick<Party, "address">[], text: string): Promise<Uint8Array> {
    const { message, changes } = await this.encrypt(recipients, text);
    this.party.apply(changes);
    return message;
  }

  /** Says something and answers what one of the recipients is delivered. */
  async sayTo(recipient: Party, text: string): Promise<Uint8Array> {
    return copyOf(await this.say([recipient], text), recipient);
  }
}

/** What a party is delivered of a multi-recipient message. */
export const copyOf = (message: Uint8Array, { address }: Party): Uint8Array => copyFor(message, address.account);

/** Unseals what a party was delivered. */
export const unsealed = (
  { engine, root }: { readonly engine: Engine; readonly root: Root },
  party: Party,
  sealed: Uint8Array,
) => engine.unseal(party, sealed, [root.publicKey], NOW_MS);

/** A party's records with some of its reads replaced. */
export function readsOf(party: Party, replaced: Partial<EngineRecords>): EngineRecords {
  return {
    own: () => party.own(),
    peerIdentity: party.peerIdentity.bind(party),
    session: party.session.bind(party),
    curvePrekey: party.curvePrekey.bind(party),
    signedPrekey: party.signedPrekey.bind(party),
    kyberPrekey: party.kyberPrekey.bind(party),
    senderKey: party.senderKey.bind(party),
    lastResortUsed: party.lastResortUsed.bind(party),
    ...replaced,
  };
}

/** Alice, who can speak to bob and carol, and hands her key to whom a test says. */
export async function aloneWithKey(fixture: Fixture): Promise<People & { speaker: Speaker }> {
  const people = fixture();
  await meet(people.alice, [people.bob, people.carol]);
  return { ...people, speaker: new Speaker(people.engine, people.alice) };
}

/** The same, with a key that bob and carol hold and a message to both. */
export async function spoken(fixture: Fixture): Promise<People & { speaker: Speaker; message: Uint8Array }> {
  const people = await aloneWithKey(fixture);
  await people.speaker.handTo(people.bob, people.carol);
  return { ...people, message: await people.speaker.say([people.bob, people.carol], "the true message") };
}
