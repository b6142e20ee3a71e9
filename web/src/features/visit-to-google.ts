/** The visit to the provider of sign-ins that this tab has begun last, and what for. It comes back from no other. */
const KEY = "sambung.visit-to-google";

export type Begun =
  /** Good for the one code that the guest has begun at (decision 0074). */
  | { readonly aim: "guest"; readonly token: string; readonly code: string }
  /** To be let in, or to be let in that way from then on (decision 0065). */
  | { readonly aim: "sign-in" | "link"; readonly token: string };

export const begun = (): Begun | null => JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Begun | null;

/** Leaves this page for the provider's; nothing after it happens. */
export function leave(url: string, visit: Begun): Promise<never> {
  sessionStorage.setItem(KEY, JSON.stringify(visit));
  location.assign(url);
  return new Promise(() => undefined);
}

export const forgetVisit = (): void => sessionStorage.removeItem(KEY);
