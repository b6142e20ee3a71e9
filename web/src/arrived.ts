/**
 * What a link of a letter, or a provider of sign-ins, has put into the address for this page alone. It is taken out of the address as soon as it is
 * there, before anything else is loaded: it is in no history, no copy of the address and no picture of the screen. Kept in memory alone.
 */

export interface Arrived {
  /** Another one for each link that was opened, also for the same link again. */
  readonly no: number;
  /** Of a letter; behind `#`, so that it never went to the server. */
  readonly token: string | null;
  /** Of the provider's answer (RFC 6749 §4.1.2), at the one page that it sends browsers to. */
  readonly state: string | null;
  readonly code: string | null;
}

const PROVIDERS_PAGE = "/sign-in/google";

const listeners = new Set<() => void>();
let found: Arrived = { no: 0, token: null, state: null, code: null };

function take(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const isBack = location.pathname === PROVIDERS_PAGE && location.search !== "";
  if (token === null && !isBack) return;
  const said = new URLSearchParams(isBack ? location.search : "");
  found = { no: found.no + 1, token, state: said.get("state"), code: said.get("code") };
  history.replaceState(history.state, "", location.pathname);
  for (const listener of listeners) listener();
}

take();
// The link of another letter, opened where this page is open already.
addEventListener("hashchange", take);

export const arrived = (): Arrived => found;

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
