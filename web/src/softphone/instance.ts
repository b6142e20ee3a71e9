/**
 * What this tab is to the switch (RFC 5626 §4.1): the same after a reload, so that it replaces its own registration; another one than that of
 * the tab which has just been asked to leave, whose last word would else take ours away.
 */

const KEY = "sambung.instance";

export function instance(): string {
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null) return kept;
  const fresh = crypto.randomUUID();
  sessionStorage.setItem(KEY, fresh);
  return fresh;
}
