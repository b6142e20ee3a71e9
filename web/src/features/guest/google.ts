/**
 * The way of a guest to the provider of sign-ins and back (decision 0074). What the visit is known by waits in this tab alone, with the code that it
 * began at: an address that somebody else sends lets nobody in, and whoever comes back is led behind that code and nowhere else.
 */
import { outcome } from "../../api/client";
import { guests } from "../../api/guest";
import type { Problem } from "../../api/problem";
import { begun, forgetVisit, leave } from "../visit-to-google";
import { bearer, keep, kept } from "./kept";

/** Goes there; comes back only where that was not possible. */
export async function goToGoogle(code: string): Promise<Problem> {
  const asked = guests.POST("/api/guest/google/authorizations", { body: { code } });
  const { value, problem } = await outcome(asked);
  if (value === null) return problem;
  return leave(value.url, { aim: "guest", token: value.token, code });
}

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
  const visit = begun();
  forgetVisit();
  if (visit?.aim !== "guest") return { door: "/guest", problem: null };
  const door = `/g/${encodeURIComponent(visit.code)}`;
  // They have thought better of it there.
  if (state === null || code === null) return { door, problem: null };
  const asked = guests.POST("/api/guest/google/sessions", {
    ...(kept() === null ? {} : bearer()),
    body: { code: visit.code, visit: { token: visit.token, state, code } },
  });
  const { value, problem } = await outcome(asked);
  if (value !== null) keep({ code: visit.code, token: value.token });
  return { door, problem: problem === null || SEEN_THERE.includes(problem.status) ? null : problem };
}
