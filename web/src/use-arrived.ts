import { useSyncExternalStore } from "react";
import { type Arrived, arrived, subscribe } from "./arrived";

/** What has come with the address. */
export const useArrived = (): Arrived => useSyncExternalStore(subscribe, arrived);
