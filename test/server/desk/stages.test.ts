/** The case's states: whatever happens in whatever order, nothing but what the diagram shows. */

import { caseOutcomes, caseStages } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CaseEvent, stepCase, takesReports } from "../../../server/desk/cases/stage.js";

const events = ["claim", "escalate", "act", "dismiss", "appeal", "uphold", "reverse", "over"] as const;
const anyEvents = fc.array(fc.constantFrom<CaseEvent>(...events), { maxLength: 30 });
const start = { stage: "new", outcome: "open" } as const;

describe("a case", () => {
  it("goes from stage to stage as the diagram shows, and in no other way", () => {
    const moves = caseStages.flatMap((stage) =>
      events.map((event) => `${stage} ${event} ${stepCase({ stage, outcome: "open" }, event)?.stage ?? "-"}`),
    );
    expect(moves.filter((move) => !move.endsWith("-"))).toEqual([
      "new claim triage",
      ...["claim triage", "escalate escalated", "act actioned", "dismiss closed"].map((move) => `triage ${move}`),
      ...["claim escalated", "escalate escalated", "act actioned", "dismiss closed"].map((move) => `escalated ${move}`),
      ...["claim actioned", "act actioned", "appeal appealed", "over closed"].map((move) => `actioned ${move}`),
      ...["claim appealed", "uphold closed", "reverse closed"].map((move) => `appealed ${move}`),
    ]);
  });

  it("has an outcome exactly once it was decided, and never another stage once it is closed", () => {
    fc.assert(
      fc.property(anyEvents, (tried) => {
        let at: NonNullable<ReturnType<typeof stepCase>> = start;
        for (const event of tried) {
          const next = stepCase(at, event);
          if (at.stage === "closed") expect(next).toBeUndefined();
          at = next ?? at;
          expect(caseOutcomes).toContain(at.outcome);
          expect(at.outcome === "open").toBe(takesReports(at.stage));
          if (at.stage === "actioned" || at.stage === "appealed") expect(at.outcome).toBe("action");
        }
      }),
    );
  });

  it("is reversed by an appeal and by nothing else", () => {
    fc.assert(
      fc.property(anyEvents, (tried) => {
        let at: NonNullable<ReturnType<typeof stepCase>> = start;
        const happened: CaseEvent[] = [];
        for (const event of tried) {
          const next = stepCase(at, event);
          if (next === undefined) continue;
          happened.push(event);
          at = next;
        }
        if (at.outcome === "reversed") expect(happened.slice(-1)).toEqual(["reverse"]);
        if (happened.includes("reverse")) expect(happened).toContain("appeal");
      }),
    );
  });
});
