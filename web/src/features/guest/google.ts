/**
 * The way of a guest to the provider of sign-ins and back (decision 0074). What the visit is known by waits in this tab alone, with the code that it
 * began at: an address that somebody else sends lets nobody in, and whoever comes back is led behind that code and nowhere else.
 */
import { outcome } from "../../api/client";
import { guests } from "../../api/guest";
import type { Problem } from "../../api/problem";
import { bearer, keep, kept } from "./kept";

const KEY = "sambung.guest-visit-to-google";

interface Begun {
  readonly code: string;
  readonly token: string;
}

/** Goes there; comes back only where that was not possible. */
export async function goToGoogle(code: string): Promise<Problem> {
  const asked = guests.POST("/api/guest/google/authorizations", { body: { code } });
  const { value, problem } = await outcome(asked);
  if (value === null) return problem;
  sessionStorage.setItem(KEY, JSON.stringify({ code, token: value.token } satisfies Begun));
  location.assign(value.url);
  return new Promise(() => undefined);
}

/** Whether a guest has gone there from this tab, and is not back yet. */
export const isAway = (): boolean => sessionStorage.getItem(KEY) !== null;

/** What the provider has said (RFC 6749 §4.1.2); null: something else. */
export interface Answer {
  readonly state: string | null;
  readonly code: string | null;
}

/** What has come of it: which door to go on through, and why nobody is in, where that is not seen there. */
export interface Came {
  readonly door: string;
  readonly problem: Problem | null;
}

/** What the door says by itself: it is shut, or they are elsewhere. */
const SEEN_THERE = [403, 404, 409, 410];

let coming: Promise<Came> | null = null;

/** Ends the visit. The provider's code is good once, so whoever asks again is told the same. */
export function comeBack(answer: Answer): Promise<Came> {
  coming ??= ended(answer).finally(() => {
    coming = null;
  });
  return coming;
}

async function ended({ state, code }: Answer): Promise<Came> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Begun | null;
  sessionStorage.removeItem(KEY);
  if (begun === null) return { door: "/guest", problem: null };
  const door = `/g/${encodeURIComponent(begun.code)}`;
  // They have thought better of it there.
  if (state === null || code === null) return { door, problem: null };
  const asked = guests.POST("/api/guest/google/sessions", {
    ...(kept() === null ? {} : bearer()),
    body: { code: begun.code, visit: { token: begun.token, state, code } },
  });
  const { value, problem } = await outcome(asked);
  if (value !== null) keep({ code: begun.code, token: value.token });
  return { door, problem: problem === null || SEEN_THERE.includes(problem.status) ? null : problem };
}
