import { useEffect, useState } from "react";
import { outcome, type Schemas } from "../../api/client";
import { ZONE } from "../../i18n/language";
import { authorised, type Me } from "../identity/signed-in";
import { may } from "../identity/use-me";

export interface Office {
  /** The organisation's own clock. */
  readonly zone: string;
  /** By which calls are named; empty for who may not read them. */
  readonly extensions: readonly Schemas["Extension"][];
}

const UNKNOWN: Office = { zone: ZONE, extensions: [] };

/** What the phone page tells about the organisation, as far as the person may read it. */
export function useOffice(me: Me | null): Office {
  const [office, setOffice] = useState(UNKNOWN);
  const org = me?.organisation ?? null;
  const reads = me !== null && may(me, "telephony.read");
  useEffect(() => {
    if (org === null || !reads) return;
    let isHere = true;
    void Promise.all([
      outcome(authorised.GET("/api/telephony/settings")),
      outcome(authorised.GET("/api/telephony/extensions", { params: { query: { limit: 200 } } })),
    ]).then(([settings, extensions]) => {
      if (!isHere) return;
      const active = extensions.value?.items.filter((extension) => extension.is_active) ?? [];
      active.sort((a, b) => a.number.localeCompare(b.number));
      setOffice({ zone: settings.value?.timezone ?? ZONE, extensions: active });
    });
    return () => {
      isHere = false;
    };
  }, [org, reads]);
  return office;
}
