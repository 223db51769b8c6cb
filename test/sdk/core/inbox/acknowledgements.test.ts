import { describe, expect, it } from "vitest";
import { Acknowledgements } from "../../../../sdk/core/inbox/acknowledgements.js";

function recorded(): { readonly acknowledgements: Acknowledgements; readonly told: number[] } {
  const told: number[] = [];
  const acknowledgements = new Acknowledgements((upTo) => told.push(upTo));
  acknowledgements.connected();
  return { acknowledgements, told };
}

/** Lets everything run that waits for nothing but its turn. */
const turns = () => new Promise(setImmediate);

describe("acknowledgements", () => {
  it("tells the highest cursor that one write made durable", async () => {
    const { acknowledgements, told } = recorded();
    const written = Promise.resolve();
    for (const cursor of [1, 2, 3]) acknowledgements.delivered(cursor).when(written);
    await turns();
    expect(told).toEqual([3]);
  });

  it("never tell a cursor of mail that is not durable, or that has none", async () => {
    const { acknowledgements, told } = recorded();
    acknowledgements.delivered(0).when(Promise.resolve());
    acknowledgements.delivered(1).when(Promise.reject(new Error("no disk")));
    await turns();
    expect(told).toEqual([]);
  });

  it("tell a connection nothing about what an earlier one delivered", async () => {
    const { acknowledgements, told } = recorded();
    // A relay that crashed may have pushed mail ahead of its own commit: 7 and 8 do not exist any more.
    acknowledgements.delivered(8).when(Promise.resolve());
    await turns();
    const late = acknowledgements.delivered(7);
    acknowledgements.connected();
    late.when(Promise.resolve());
    await turns();
    expect(told).toEqual([8]);
    acknowledgements.delivered(6).when(Promise.resolve());
    await turns();
    expect(told).toEqual([8, 6]);
  });
});
