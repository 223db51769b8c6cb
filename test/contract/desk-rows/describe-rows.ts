/** What every keeper of the desk's rows does. */

import { beforeEach, describe, expect, it } from "vitest";
import type { Rows } from "../../../server/desk/ports.js";

const bytes = (...values: number[]) => Uint8Array.from(values);
const plain = (rows: readonly { readonly key: string; readonly value: Uint8Array }[]) =>
  rows.map(({ key, value }) => [key, [...value]]);

/** Runs the suite on rows that `open` makes, empty each time. */
export function describeRows(name: string, open: () => Promise<Rows>): void {
  describe(name, () => {
    let rows: Rows;
    beforeEach(async () => {
      rows = await open();
      return () => rows.close();
    });

    it("answers what was written, and nothing for what was not", async () => {
      await rows.write([{ key: "a/1", value: bytes(1, 2) }]);
      expect([...((await rows.get("a/1")) ?? [])]).toEqual([1, 2]);
      expect(await rows.get("a/2")).toBeUndefined();
    });

    it("keeps an empty value apart from none", async () => {
      await rows.write([{ key: "a/1", value: bytes() }]);
      expect((await rows.get("a/1"))?.length).toBe(0);
      expect(plain(await rows.list("a/"))).toEqual([["a/1", []]]);
    });

    it("lists by prefix, ascending, behind a key, up to a limit", async () => {
      const keys = ["a/3", "a/1", "b/1", "a/2", "a", "a0"];
      await rows.write(keys.map((key, at) => ({ key, value: bytes(at) })));
      expect((await rows.list("a/")).map(({ key }) => key)).toEqual(["a/1", "a/2", "a/3"]);
      expect((await rows.list("a/", { after: "a/1" })).map(({ key }) => key)).toEqual(["a/2", "a/3"]);
      expect((await rows.list("a/", { after: "a/1", limit: 1 })).map(({ key }) => key)).toEqual(["a/2"]);
      expect((await rows.list("a/", { after: "a/9" })).map(({ key }) => key)).toEqual([]);
      expect((await rows.list("a/", { after: "" })).map(({ key }) => key)).toEqual(["a/1", "a/2", "a/3"]);
    });

    it("lists behind a key that is shorter than its own prefix's rows", async () => {
      await rows.write(["t/0001/x", "t/0002/x", "t/0003/x"].map((key) => ({ key, value: bytes(0) })));
      expect((await rows.list("t/", { after: "t/0001" })).map(({ key }) => key)).toEqual([
        "t/0001/x",
        "t/0002/x",
        "t/0003/x",
      ]);
      expect((await rows.list("t/0002/")).map(({ key }) => key)).toEqual(["t/0002/x"]);
    });

    it("writes a batch in its order: the last word on a key counts", async () => {
      await rows.write([
        { key: "a/1", value: bytes(1) },
        { key: "a/1", value: undefined },
        { key: "a/2", value: undefined },
        { key: "a/2", value: bytes(2) },
      ]);
      expect(plain(await rows.list("a/"))).toEqual([["a/2", [2]]]);
    });

    it("takes an empty batch, and closes twice", async () => {
      await rows.write([]);
      await rows.close();
      await rows.close();
    });
  });
}
