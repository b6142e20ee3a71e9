/// <reference types="node" />
/** What the switch has recorded of a call, as whoever has a key of the organisation fetches it. */
import { expect } from "vitest";
import type { House } from "./house";
import { channels } from "./tones";

/** Milliseconds until a recording is in the store. */
const STORED_MAX = 30_000;

/** What was recorded of the latest call that has ended: the caller, and the callee. */
export async function recorded(house: House): Promise<number[][]> {
  const headers = { authorization: `Bearer ${house.demo.api_key}`, "content-type": "application/json" };
  const ask = (path: string, order: RequestInit = {}) =>
    fetch(new URL(path, house.demo.http), { headers, ...order });
  let id: string | undefined;
  const find = async () => {
    const { items } = (await (await ask("/api/telephony/recordings?limit=1")).json()) as {
      items: { id: string }[];
    };
    id = items[0]?.id;
    return id;
  };
  await expect.poll(find, { timeout: STORED_MAX }).toBeDefined();
  const link = await ask(`/api/telephony/recordings/${id}/link`, { method: "POST", body: "{}" });
  const { url } = (await link.json()) as { url: string };
  return channels(Buffer.from(await (await ask(url)).arrayBuffer()));
}
