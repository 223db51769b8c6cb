import { describe, expect, test } from "vitest";
import { downloaded, downloadParts, referenceTo } from "../../../support/attachments/download-fixture.js";
import { ScriptedRelay, served } from "../../../support/attachments/scripted-relay.js";
import { claimOf, goodBlob, vectorPlaintext, vectors, wrongBlob } from "../../../support/attachments/vector-blobs.js";

describe("a download of every vector", () => {
  test.each(vectors.accepted)("gives out $name", async (vector) => {
    const relay = new ScriptedRelay((ask) => served(goodBlob(vector.sizeBytes), ask));
    const { released, failure } = await downloaded(downloadParts(relay), referenceTo(claimOf(vector)));
    expect(failure).toBeUndefined();
    expect(Buffer.compare(released, vectorPlaintext(vector.sizeBytes))).toBe(0);
    expect(relay.open).toBe(0);
  });

  test.each(vectors.refused)("refuses a blob: $name", async (vector) => {
    const blob = wrongBlob(vector);
    const relay = new ScriptedRelay((ask) => served(blob, ask));
    const { released, failure } = await downloaded(downloadParts(relay), referenceTo(claimOf(vector)));
    expect(failure).toBe(vector.refused);
    expect(released.length).toBe(vector.releasedBytes);
    expect(relay.open).toBe(0);
  });
});
