import { useEffect, useState } from "react";
import { outcome, type Schemas } from "../../api/client";
import { authorised } from "../identity/signed-in";

/** Milliseconds that nothing is typed before it is searched for. */
const PAUSE = 200;
/** Extensions that are shown; more are found by typing. */
const SHOWN_MAX = 20;

export interface OpenExtensions {
  /** Null until they are known. */
  readonly found: readonly Schemas["OpenExtension"][] | null;
  readonly hasMore: boolean;
  readonly isUnknown: boolean;
}

const NONE: OpenExtensions = { found: null, hasMore: false, isUnknown: false };

/** Extensions that are open now, as the switch judges it (H-034), by what was typed. */
export function useOpenExtensions(typed: string): OpenExtensions {
  const [open, setOpen] = useState(NONE);
  const search = typed.trim().slice(0, 100);
  useEffect(() => {
    let isHere = true;
    const timer = setTimeout(
      async () => {
        const query = search === "" ? { limit: SHOWN_MAX } : { limit: SHOWN_MAX, search };
        const asked = authorised.GET("/api/telephony/open-extensions", { params: { query } });
        const { value } = await outcome(asked);
        if (!isHere) return;
        setOpen(
          value === null
            ? { found: [], hasMore: false, isUnknown: true }
            : { found: value.items, hasMore: value.next_cursor != null, isUnknown: false },
        );
      },
      search === "" ? 0 : PAUSE,
    );
    return () => {
      isHere = false;
      clearTimeout(timer);
    };
  }, [search]);
  return open;
}
