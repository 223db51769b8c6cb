import { describe, expect, it } from "vitest";
import { Cancellation } from "../../../sdk/core/cancellation.js";
import { TypedEvents } from "../../../sdk/core/events.js";

type Told = { one: { readonly value: number }; other: Record<never, never> };

class Teller extends TypedEvents<Told> {
  tell(value: number): void {
    this.emit("one", { value });
  }
}

function teller() {
  const logged: string[] = [];
  return { logged, events: new Teller((level, event) => logged.push(`${level}: ${event}`)) };
}

describe("TypedEvents", () => {
  it("calls listeners in the order they were added, each once, with the event's fields and type", () => {
    const { events } = teller();
    const heard: string[] = [];
    const first = (event: { readonly type: string; readonly value: number }) =>
      heard.push(`1 ${event.type} ${event.value}`);
    events.addEventListener("one", first);
    events.addEventListener("one", first);
    events.addEventListener("one", ({ value }) => heard.push(`2 ${value}`));
    events.addEventListener("other", () => heard.push("other"));
    events.tell(7);
    expect(heard).toEqual(["1 one 7", "2 7"]);
  });

  it("calls a `once` listener once, and nobody who was removed or whose signal aborted", () => {
    const { events } = teller();
    const heard: string[] = [];
    const cancellation = new Cancellation();
    const removed = () => heard.push("removed");
    events.addEventListener("one", () => heard.push("once"), { once: true });
    events.addEventListener("one", () => heard.push("signal"), { signal: cancellation });
    events.addEventListener("one", removed);
    events.removeEventListener("one", removed);
    events.tell(1);
    cancellation.abort();
    events.addEventListener("one", () => heard.push("too late"), { signal: cancellation });
    events.tell(2);
    expect(heard).toEqual(["once", "signal"]);
  });

  it("goes on behind a listener that throws, and logs no word of what it threw", () => {
    const { events, logged } = teller();
    let heard = 0;
    events.addEventListener("one", () => {
      throw new Error("secret");
    });
    events.addEventListener("one", () => {
      heard += 1;
    });
    events.tell(1);
    expect(heard).toBe(1);
    expect(logged).toEqual(["error: listener failed"]);
  });

  it("lets listeners add and remove others while it tells", () => {
    const { events } = teller();
    const heard: number[] = [];
    events.addEventListener("one", () => events.addEventListener("one", ({ value }) => heard.push(value)), {
      once: true,
    });
    events.tell(1);
    events.tell(2);
    expect(heard).toEqual([2]);
  });
});
