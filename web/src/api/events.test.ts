import { expect, it } from "vitest";
import { events, pause } from "./events";

it("takes whole events off and leaves the rest", () => {
  const [told, rest] = events(
    'id: 7\nevent: call.ringing\ndata: {"a":1}\n\n: still here\n\nid: 8\nevent: call.en',
  );
  expect(told).toEqual([{ id: "7", kind: "call.ringing", data: '{"a":1}' }]);
  expect(rest).toBe("id: 8\nevent: call.en");
  expect(events(`${rest}ded\ndata: x\ndata: y\n\n`)[0]).toEqual([
    { id: "8", kind: "call.ended", data: "x\ny" },
  ]);
});

it("reads lines as servers on other systems end them", () => {
  expect(events("id: 1\r\nevent: a\r\ndata: x\r\n\r\n")).toEqual([[{ id: "1", kind: "a", data: "x" }], ""]);
});

it("comes back later each time, and not with everybody else", () => {
  expect([0, 1, 4, 5, 50].map((attempt) => pause(attempt, 1))).toEqual([
    1_000, 2_000, 16_000, 30_000, 30_000,
  ]);
  expect(pause(1, 0)).toBe(1_000);
});
