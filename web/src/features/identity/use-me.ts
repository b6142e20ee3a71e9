import { useSyncExternalStore } from "react";
import { type Me, me, subscribe } from "./signed-in";

/** Who has signed in, or nobody. */
export const useMe = (): Me | null => useSyncExternalStore(subscribe, me);

/** What they may in the organisation that they act in. */
export function may(me: Me, permission: string): boolean {
  const acts = me.organisations.find((one) => one.id === me.organisation);
  return acts?.permissions.some((one) => one === permission) ?? false;
}
