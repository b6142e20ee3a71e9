import { expect, it } from "vitest";
import { judge, kept, PATIENCE, type Sample } from "./judge";

/** Eight seconds of a call that goes well, changed by `odd`. */
function seconds(odd: (second: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 8 }, (_, second) => ({
    at: second * 1_000,
    packetsReceived: second * 50,
    packetsLost: 0,
    packetsSent: second * 50,
    jitter: 0.01,
    roundTrip: 0.05,
    loudest: 0.2,
    ...odd(second),
  }));
}

it("says nothing of a call that goes well, and nothing too early", () => {
  expect(judge(seconds())).toEqual([]);
  expect(judge([])).toEqual([]);
  const silent = seconds(() => ({ loudest: 0, packetsReceived: 0 }));
  expect(judge(silent.slice(0, 3))).toEqual([]);
});

it("hears that a microphone is silent", () => {
  const silent = seconds(() => ({ loudest: 0 }));
  expect(judge(silent)).toEqual(["silent-microphone"]);
  expect(judge(seconds((second) => ({ loudest: second === 3 ? 0.1 : 0 })))).toEqual([]);
});

it("tells what does not come from what does not leave", () => {
  expect(judge(seconds(() => ({ packetsReceived: 7 })))).toEqual(["nothing-heard"]);
  expect(judge(seconds(() => ({ packetsSent: 7 })))).toEqual(["nothing-sent"]);
});

it("finds a poor line by loss, by jitter that lasts and by delay", () => {
  expect(judge(seconds((second) => ({ packetsLost: second * 5 })))).toEqual(["poor-line"]);
  expect(judge(seconds((second) => ({ packetsLost: second })))).toEqual([]);
  expect(judge(seconds(() => ({ jitter: 0.2 })))).toEqual(["poor-line"]);
  expect(judge(seconds((second) => ({ jitter: second === 2 ? 0.2 : 0.01 })))).toEqual([]);
  expect(judge(seconds(() => ({ roundTrip: 0.8 })))).toEqual(["poor-line"]);
});

it("keeps as many samples as it needs", () => {
  const all = seconds().reduce<Sample[]>(kept, []);
  expect(all.map((sample) => sample.at)).toEqual([1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000]);
  expect(7_000 - 1_000).toBe(PATIENCE);
});
