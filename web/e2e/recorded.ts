/// <reference types="node" />
/** What the switch has written down and recorded of calls, as whoever has a key of the organisation reads it. */
import { expect } from "vitest";
import type { House } from "./house";
import { channels, LEAST_MS, toneMs } from "./tones";

/** Milliseconds until a recording is in the store. */
const STORED_MAX = 30_000;

/** What the API answers to the organisation's own program. */
async function ask(house: House, path: string, order: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${house.demo.api_key}`, "content-type": "application/json" };
  return fetch(new URL(path, house.demo.http), { headers, ...order });
}

/** The latest call. */
export async function latest(house: House): Promise<{ id: string; direction: string }> {
  const { items } = await (await ask(house, "/api/telephony/calls?limit=1")).json();
  return items[0];
}

/** What was recorded of the latest call, which is over: the caller, and the callee. */
export async function recorded(house: House): Promise<number[][]> {
  let id: string | undefined;
  const find = async () => {
    const { id: call } = await latest(house);
    const { items } = await (await ask(house, `/api/telephony/recordings?call_id=${call}`)).json();
    id = items[0]?.id;
    return id;
  };
  await expect.poll(find, { timeout: STORED_MAX }).toBeDefined();
  const link = await ask(house, `/api/telephony/recordings/${id}/link`, { method: "POST", body: "{}" });
  const { url } = (await link.json()) as { url: string };
  return channels(Buffer.from(await (await ask(house, url)).arrayBuffer()));
}

/** The recording of the latest call has the caller's tone left and the callee's right, and neither where the other is. */
export async function isRecorded(house: House, caller: number, callee: number): Promise<void> {
  const [left = [], right = []] = await recorded(house);
  for (const [side, own, other] of [
    [left, caller, callee],
    [right, callee, caller],
  ] as const) {
    expect(toneMs(side, own), `${own} Hz`).toBeGreaterThanOrEqual(LEAST_MS);
    expect(toneMs(side, other), `${other} Hz`).toBe(0);
  }
}
