import { describe, expect, it } from "vitest";
import {
  ending,
  type Happening,
  type Hint,
  happened,
  hints,
  IDLE,
  incoming,
  KEYS_MAX,
  live,
  type State,
  talked,
  tone,
} from "./state";

const SARI = { number: "1001", name: "Sari" };
const told = (...happenings: Happening[]): State => happenings.reduce(happened, IDLE);
const rings = (id: string): Happening => ({ type: "begun", id, direction: "in", peer: SARI, at: 1 });
const calls = (id: string): Happening => ({ type: "begun", id, direction: "out", peer: SARI, at: 1 });
const answered = (id: string): Happening => ({ type: "answered", id, at: 5 });

const finds = (by: "here" | "there", ...found: Hint[]): Happening => {
  return { type: "hints", id: "a", by, hints: found };
};

describe("a call", () => {
  it("comes in, is answered, held, and ends", () => {
    const state = told(rings("a"), answered("a"), { type: "held", id: "a", by: "here", on: true });
    expect(state.calls).toMatchObject([
      { stage: "talking", answeredAt: 5, heldHere: true, heldThere: false },
    ]);
    expect(talked(state)).toBeUndefined();
    const over = happened(state, { type: "ended", id: "a", ending: "hung-up" });
    expect(live(over)).toEqual([]);
    expect(over.calls[0]?.ending).toBe("hung-up");
    expect(happened(over, { type: "put-away", id: "a" }).calls).toEqual([]);
  });

  it("is not begun twice, and nothing happens to one that is over or unknown", () => {
    const over = told(rings("a"), rings("a"), { type: "ended", id: "a", ending: "unanswered" });
    expect(over.calls).toHaveLength(1);
    expect(happened(over, answered("a")).calls[0]?.stage).toBe("ended");
    expect(happened(over, answered("b")).calls).toHaveLength(1);
  });

  it("keeps the time when it was first answered", () => {
    const state = told(calls("a"), answered("a"), { type: "answered", id: "a", at: 9 });
    expect(state.calls[0]?.answeredAt).toBe(5);
  });

  it("shows the latest keys alone", () => {
    const pressed = Array.from({ length: KEYS_MAX + 1 }, (_, n): Happening => {
      return { type: "pressed", id: "a", key: n === 0 ? "#" : "1" };
    });
    expect(told(calls("a"), ...pressed).calls[0]?.keys).toBe("1".repeat(KEYS_MAX));
  });

  it("says what the browser and the switch find, once, and the one that says more", () => {
    const shown = (...happenings: Happening[]) => {
      const [call] = told(calls("a"), answered("a"), ...happenings).calls;
      return call === undefined ? null : hints(call);
    };
    expect(shown(finds("here", "poor-line"), finds("there", "poor-line", "silent-there"))).toEqual([
      "poor-line",
      "silent-there",
    ]);
    expect(shown(finds("here", "nothing-heard"), finds("there", "nothing-comes"))).toEqual(["nothing-comes"]);
    expect(shown(finds("there", "nothing-sent", "unheard-there"))).toEqual(["nothing-sent"]);
    expect(shown(finds("here", "nothing-heard"), finds("there"))).toEqual(["nothing-heard"]);
    expect(shown(finds("there", "nothing-comes"), finds("there"))).toEqual([]);
  });

  it("says nothing of the sound while it is held, nor when it is over", () => {
    const state = told(calls("a"), answered("a"), finds("here", "poor-line"), finds("there", "silent-there"));
    for (const by of ["here", "there"] as const) {
      const [held] = happened(state, { type: "held", id: "a", by, on: true }).calls;
      expect(held && hints(held)).toEqual([]);
    }
    const [over] = happened(state, { type: "ended", id: "a", ending: "hung-up" }).calls;
    expect(over && hints(over)).toEqual([]);
  });

  it("has a transfer that fails and is talked in as before", () => {
    const asked: Happening = { type: "transfer", id: "a", transfer: { to: "1002", stage: "failed" } };
    const state = told(calls("a"), answered("a"), asked);
    expect(talked(state)?.transfer?.stage).toBe("failed");
    expect(happened(state, { type: "ended", id: "a", ending: "hung-up" }).calls[0]?.transfer).toBeNull();
  });
});

describe("what is heard", () => {
  it.each([
    [[rings("a")], "ring"],
    [[calls("a")], null],
    [[calls("a"), { type: "rings", id: "a" }], "ringback"],
    // The switch says why nobody has answered, and nothing of ours sounds over it.
    [[calls("a"), { type: "rings", id: "a" }, { type: "sounds", id: "a" }], null],
    [[calls("a"), answered("a"), rings("b")], "knock"],
    [[calls("a"), answered("a"), { type: "held", id: "a", by: "here", on: true }, rings("b")], "knock"],
    [[rings("a"), { type: "ended", id: "a", ending: "elsewhere" }], null],
  ] satisfies [Happening[], ReturnType<typeof tone>][])("%#", (happenings, expected) => {
    expect(tone(told(...happenings))).toBe(expected);
  });

  it("names those who ring in the order in which they came", () => {
    expect(incoming(told(rings("a"), rings("b"), answered("a"))).map((call) => call.id)).toEqual(["b"]);
  });
});

describe("why a call is over", () => {
  it.each([
    ["out", 486, "Busy", "busy"],
    ["out", 404, "Not Found", "unknown-number"],
    ["out", 403, "Rejected", "refused"],
    ["out", 480, "Unavailable", "unreachable"],
    ["out", 603, "Rejected", "declined"],
    ["out", 500, "SIP Failure Code", "failed"],
    ["out", undefined, "Canceled", "hung-up"],
    ["out", undefined, "User Denied Media Access", "no-microphone"],
    ["in", undefined, "Connection Error", "no-connection"],
    ["in", 200, "Canceled", "elsewhere"],
    ["in", undefined, "Canceled", "unanswered"],
  ] as const)("%s %s %s is %s", (direction, status, cause, expected) => {
    expect(ending(direction, status, cause)).toBe(expected);
  });

  it("who has been rung did not answer, and was not out of reach", () => {
    expect(ending("out", 480, "Unavailable", true)).toBe("unanswered");
  });
});
