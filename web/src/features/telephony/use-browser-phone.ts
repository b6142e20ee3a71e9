import { useEffect, useMemo, useState } from "react";
import { outcome, type Schemas } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Account } from "../../softphone/phone";
import { authorised, type Me } from "../identity/signed-in";

export interface BrowserPhone {
  /** What to register with, while it is wanted. It is kept in memory alone. */
  readonly account: Account | null;
  readonly problem: Problem | null;
  readonly retry: () => void;
}

/** The person's own account for browsers, asked for when a tab wants to have the phone. */
export function useBrowserPhone(me: Me | null, isWanted: boolean): BrowserPhone {
  const [made, setMade] = useState<Schemas["BrowserPhone"] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);
  const who = me?.person.id;
  const name = me?.person.name ?? "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: another person, organisation or attempt asks again
  useEffect(() => {
    if (who === undefined || !isWanted) return;
    let isHere = true;
    void outcome(authorised.POST("/api/telephony/browser-phone")).then(({ value, problem: found }) => {
      if (!isHere) return;
      setMade(value);
      setProblem(found);
    });
    return () => {
      isHere = false;
      setMade(null);
    };
  }, [who, me?.organisation, isWanted, attempt]);
  const account = useMemo(() => {
    if (made === null) return null;
    const { username, password, domain, websocket_urls: websocketUrls } = made;
    return { username, password, domain, websocketUrls, name, isCalled: true };
  }, [made, name]);
  return { account, problem, retry: () => setAttempt((before) => before + 1) };
}
