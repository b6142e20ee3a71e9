import { expect, it } from "vitest";
import { place } from "./queue";

const told = (kind: string, queue_count = 0) => ({
  kind: `call.${kind}`,
  data: JSON.stringify({ data: { queue_count } }),
});

it("falls as others are taken, and is none once somebody talks", () => {
  const steps = [
    told("opened"),
    told("ringing"),
    told("queued", 2),
    told("queue_updated", 1),
    told("queue_updated", 0),
    told("answered"),
  ];
  const places: (number | null)[] = [];
  for (const step of steps) places.push(place(places.at(-1) ?? null, step));
  expect(places).toEqual([null, null, 2, 1, 0, null]);
});

it("stays what it was for what cannot be read", () => {
  expect(place(3, { kind: "call.queue_updated", data: "<html>" })).toBe(3);
});
