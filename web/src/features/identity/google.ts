/**
 * The way to the provider of sign-ins and back (decision 0065). The visit's token waits in this tab alone: who is sent here with somebody else's
 * code is signed in by nobody.
 */
import { api, type Outcome, outcome } from "../../api/client";
import { type Arrived, arrived } from "../../arrived";
import type { Language } from "../../i18n/language";
import { begun, forgetVisit, leave } from "../visit-to-google";
import { type Returned, type Step, signInByGoogle } from "./signed-in";

/** Goes there; comes back only where that was not possible. */
export async function goToGoogle(aim: "sign-in" | "link"): Promise<Outcome<never>> {
  const { value, problem } = await outcome(api.POST("/api/identity/google/authorizations"));
  if (value === null) return { value, problem };
  return leave(value.url, { aim, token: value.token });
}

/** What they have come back with; null: they did not go for that, or thought better of it. It is kept until `forgetVisit`, for another try at the password. */
export function brought(): Returned | null {
  const [visit, { state, code }] = [begun(), arrived()];
  if (visit?.aim !== "link" || state === null || code === null) return null;
  return { token: visit.token, state, code };
}

/** What has come of it: signed in, a code has to follow, or why not. `over`: it was not begun in this tab. */
export type Came = "in" | { readonly step: Step } | { readonly why: "denied" | "over" | "other" | "away" };

let coming: Promise<Came> | null = null;

/** Ends the visit. The provider's code is good once, so whoever asks again is told the same. */
export function comeBack(back: Arrived, language: Language): Promise<Came> {
  coming ??= ended(back, language);
  return coming;
}

async function ended({ state, code }: Arrived, language: Language): Promise<Came> {
  const visit = begun();
  forgetVisit();
  if (visit?.aim !== "sign-in") return { why: "over" };
  if (state === null || code === null) return { why: "denied" };
  const { value, problem } = await signInByGoogle({ token: visit.token, state, code }, language);
  if (value !== null) return "token" in value ? { step: value } : "in";
  if (problem.status === 409) return { why: "other" };
  return { why: problem.status === 401 || problem.status === 400 ? "denied" : "away" };
}
