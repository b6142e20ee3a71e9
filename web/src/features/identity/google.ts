/**
 * The way to the provider of sign-ins and back (decision 0065). The visit's token waits in this tab alone: who is sent here with somebody else's
 * code is signed in by nobody.
 */
import { api, type Outcome, outcome } from "../../api/client";
import type { Arrived } from "../../arrived";
import type { Language } from "../../i18n/language";
import { type Step, signInByGoogle } from "./signed-in";

const KEY = "sambung.visit-to-google";

/** Goes there; comes back only where that was not possible. */
export async function goToGoogle(): Promise<Outcome<never>> {
  const { value, problem } = await outcome(api.POST("/api/identity/google/authorizations"));
  if (value === null) return { value, problem };
  sessionStorage.setItem(KEY, value.token);
  location.assign(value.url);
  return new Promise(() => undefined);
}

/** What has come of it: signed in, a code has to follow, or why not. `over`: it was not begun in this tab. */
export type Came = "in" | { readonly step: Step } | { readonly why: "denied" | "over" | "other" | "away" };

let coming: Promise<Came> | null = null;

/** Ends the visit. The provider's code is good once, so whoever asks again is told the same. */
export function comeBack(arrived: Arrived, language: Language): Promise<Came> {
  coming ??= ended(arrived, language);
  return coming;
}

async function ended({ state, code }: Arrived, language: Language): Promise<Came> {
  const token = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (token === null) return { why: "over" };
  if (state === null || code === null) return { why: "denied" };
  const { value, problem } = await signInByGoogle({ token, state, code }, language);
  if (value !== null) return "token" in value ? { step: value } : "in";
  if (problem.status === 409) return { why: "other" };
  return { why: problem.status === 401 || problem.status === 400 ? "denied" : "away" };
}
