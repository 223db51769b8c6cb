import { describe, expect, it } from "vitest";
import { measureSound } from "../../../sdk/node/sounds.js";
import { soundOf } from "../../support/sound-of.js";

describe("a sound that is to be sent", () => {
  it("says how long it is, and how loud when", async () => {
    const { durationMs, waveform } = await measureSound(
      soundOf(2, (share) => share),
      8,
    );
    expect(durationMs).toBe(2_000);
    expect(waveform).toHaveLength(8);
    expect(waveform.at(-1)).toBe(255);
    expect([...waveform]).toEqual([...waveform].sort((one, other) => one - other));
    expect(waveform[0]).toBeLessThan(32);
  });

  it("is silent where nothing is heard, and has no more steps than samples", async () => {
    expect([
      ...(
        await measureSound(
          soundOf(1, () => 0),
          4,
        )
      ).waveform,
    ]).toEqual([0, 0, 0, 0]);
    expect(
      (
        await measureSound(
          soundOf(0.0005, () => 1),
          64,
        )
      ).waveform.length,
    ).toBeLessThanOrEqual(8);
  });

  it.each([
    ["no sound", Buffer.from("not a sound at all, whatever it says")],
    ["nothing", Buffer.alloc(0)],
    ["a sound of no length", soundOf(0, () => 1)],
  ])("is refused as %s", async (_name, bytes) => {
    await expect(measureSound(bytes, 8)).rejects.toMatchObject({ code: "mediaUnreadable" });
  });
});
