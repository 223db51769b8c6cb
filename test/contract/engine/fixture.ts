import { type Engine, EngineRefusal, type EngineRefusalReason } from "../../../sdk/core/ports.js";
import { newRoot, type Root } from "./oracle.js";
import { Party } from "./party.js";

/** Fresh people under one root. */
export interface People {
  readonly engine: Engine;
  readonly root: Root;
  readonly alice: Party;
  readonly bob: Party;
  /** The second device of bob's account. */
  readonly bobsPhone: Party;
  readonly carol: Party;
  /** One more device, of a new identity. */
  another(who: { readonly name: string; readonly device?: number }): Party;
}

/** Makes fresh people for a test. */
export interface Fixture {
  (): People;
  /** The same, with a session between alice and bob that both have used. */
  connected(): Promise<People>;
}

/** The fixture of an engine, which is loaded before the tests run. */
export function fixtureOf(loaded: () => Engine): Fixture {
  const people = (): People => {
    const engine = loaded();
    const root = newRoot();
    const another: People["another"] = (who) => new Party(engine, { ...who, root });
    const bob = another({ name: "bob" });
    return {
      engine,
      root,
      another,
      alice: another({ name: "alice" }),
      bob,
      bobsPhone: new Party(engine, { name: "bob", device: 2, root, identity: bob.identity }),
      carol: another({ name: "carol" }),
    };
  };
  const connected = async (): Promise<People> => {
    const all = people();
    await all.alice.startSession(all.bob);
    await all.bob.receive(await all.alice.send(all.bob, "hello"));
    await all.alice.receive(await all.bob.send(all.alice, "hello yourself"));
    return all;
  };
  return Object.assign(people, { connected });
}

/** The reason with which the engine refuses. Anything else it does fails the test. */
export async function refusal(work: Promise<unknown>): Promise<EngineRefusalReason> {
  try {
    await work;
  } catch (error) {
    if (error instanceof EngineRefusal) return error.reason;
    throw error;
  }
  throw new Error("the engine did not refuse");
}
