import { useEffect, useState } from "react";
import { outcome, type Schemas } from "../../api/client";
import { follow, type Told } from "../../api/events";
import { authorised, type Me, renew, token } from "../identity/signed-in";
import { may } from "../identity/use-me";
import { CALLS_MAX, recorded, type SeenCall, seen } from "./calls";

/**
 * The latest calls that the person may see, as they go. Who may read the record begins with it; others begin with the events that are kept, of which
 * they are told those about their extensions (H-023).
 */
export function useCalls(me: Me | null): readonly SeenCall[] {
  const [calls, setCalls] = useState<readonly SeenCall[]>([]);
  const who = me?.person.id;
  const org = me?.organisation ?? null;
  const reads = me !== null && may(me, "calls.read");
  useEffect(() => {
    if (who === undefined || org === null) return;
    const over = new AbortController();
    const told = ({ data }: Told) => {
      const event = read(data);
      if (event !== null) setCalls((before) => seen(before, event));
    };
    const following = { url: "/api/events", token, renew, told, signal: over.signal };
    void follow(reads ? following : { ...following, after: "0" });
    if (reads) {
      const asked = authorised.GET("/api/telephony/calls", { params: { query: { limit: CALLS_MAX } } });
      void outcome(asked).then(({ value }) => {
        if (value === null || over.signal.aborted) return;
        // What has happened since is newer than the record.
        setCalls((since) => [
          ...since,
          ...value.items.filter((call) => !since.some(({ id }) => id === call.id)).map(recorded),
        ]);
      });
    }
    return () => {
      over.abort();
      setCalls([]);
    };
  }, [who, org, reads]);
  return calls;
}

function read(data: string): Schemas["OrganisationEvent"] | null {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
