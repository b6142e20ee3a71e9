import { expect, it } from "vitest";
import { CALLS_MAX, comingIn, recorded, type SeenCall, seen } from "./calls";

let seq = 0;
const happens = (id: string, step: string, at: string, data: unknown = null) => ({
  seq: ++seq,
  kind: `call.${step}`,
  subject_id: id,
  occurred_at: `2026-11-23T04:00:${at}Z`,
  data,
});
const opened = (id: string) => happens(id, "opened", "00", { direction: "inbound", dialled: "100" });
const told = (...events: ReturnType<typeof happens>[]) => events.reduce<readonly SeenCall[]>(seen, []);

it("tells who rings, and how it went once it is over", () => {
  const ringing = told(opened("a"), happens("a", "created", "00"), happens("a", "ringing", "01"));
  expect(comingIn(ringing)).toMatchObject([{ id: "a", dialled: "100", outcome: "ringing" }]);
  const talking = [happens("a", "answered", "05"), happens("a", "hold", "06")].reduce(seen, ringing);
  expect(talking).toMatchObject([{ outcome: "ongoing", answeredAt: "2026-11-23T04:00:05Z" }]);
  expect(comingIn(talking)).toEqual([]);
  expect(seen(talking, happens("a", "ended", "09"))).toMatchObject([
    { outcome: "answered", endedAt: "2026-11-23T04:00:09Z" },
  ]);
});

it.each([
  [["ringing", "timeout", "missed"], "missed"],
  [["ringing", "rejected"], "declined"],
  [["queued"], "missed"],
  [["ringing", "canceled"], "canceled"],
  [["answered", "transfer_busy", "busy"], "answered"],
  [["failed"], "failed"],
] as const)("%s and then the end is %s", (steps, outcome) => {
  const events = [...steps, "ended"].map((step) => happens("a", step, "05"));
  expect(told(opened("a"), ...events)).toMatchObject([{ outcome }]);
});

it("has the newest first, each once, and no more than can be looked at", () => {
  const many = Array.from({ length: CALLS_MAX + 5 }, (_, n) => opened(`c${n}`));
  const calls = told(...many, opened("c54"));
  expect(calls).toHaveLength(CALLS_MAX);
  expect(calls[0]?.id).toBe("c54");
});

it("is told of calls alone, and of those that it has seen begin", () => {
  expect(told(happens("a", "answered", "05"), { ...opened("b"), kind: "extension.changed" })).toEqual([]);
});

it("reads the record as it reads events", () => {
  const call = {
    id: "a",
    join_code: "x",
    direction: "inbound",
    dialled: "100",
    created_at: "2026-11-23T04:00:00Z",
  } as const;
  expect(recorded({ ...call, outcome: "rejected", ended_at: "2026-11-23T04:00:09Z" })).toMatchObject({
    outcome: "declined",
  });
  expect(recorded({ ...call, outcome: "answered" })).toMatchObject({ outcome: "ongoing" });
  expect(comingIn([recorded(call)])).toHaveLength(1);
});
