/** A guest's visit and what the API says of it. The token is this browser's, so that one guest is in one organisation in all its tabs (H-022). */
import { useCallback, useEffect, useReducer, useState } from "react";
import { outcome } from "../../api/client";
import { type GuestCallPass, type GuestSession, guests } from "../../api/guest";
import type { Problem } from "../../api/problem";
import { goToGoogle } from "./google";
import { bearer, forget, keep, kept } from "./kept";
import { ARRIVING, closed, type Visit, went } from "./visit";

export interface Visiting {
  readonly visit: Visit;
  /** What went wrong last, and can be tried again. */
  readonly problem: Problem | null;
  readonly isBusy: boolean;
  readonly retry: () => void;
  readonly enter: (name: string) => Promise<void>;
  /** The other way in; the page is left unless that is not possible. */
  readonly enterByGoogle: () => Promise<void>;
  readonly leave: () => Promise<void>;
  readonly choose: (extension: string, isExplained: boolean) => void;
  readonly putOff: () => void;
  readonly over: (wasTalked: boolean) => void;
  /** What to call with; null: why is in `problem`. */
  readonly pass: (extension: string) => Promise<GuestCallPass | null>;
  readonly rate: (dialled: string, score: number, text: string) => Promise<boolean>;
  readonly said: () => void;
  /** The number of the latest call that is over and of which nothing has been said yet. */
  readonly unrated: () => Promise<string | null>;
  readonly rateLater: (extension: string) => void;
  readonly token: () => Promise<string | null>;
}

export function useVisit(code: string): Visiting {
  const [visit, step] = useReducer(went, ARRIVING);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [attempt, setAttempt] = useState(0);

  const refused = useCallback((found: Problem) => {
    setProblem(closed(found) === null ? found : null);
    step({ type: "refused", problem: found });
  }, []);

  const inside = useCallback(
    (session: GuestSession) => {
      keep({ code, token: session.token });
      setProblem(null);
      step({ type: "entered", organisation: session.organisation, name: session.name });
    },
    [code],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again
  useEffect(() => {
    let isHere = true;
    async function arrive() {
      const before = kept();
      if (before !== null) {
        const { value, problem: gone } = await outcome(guests.GET("/api/guest/session", bearer()));
        if (!isHere) return;
        if (value !== null && before.code === code) return inside(value);
        if (value !== null) step({ type: "elsewhere" });
        else if (gone.status === 401) forget();
      }
      const asked = guests.GET("/api/guest/organisations/{code}", { params: { path: { code } } });
      const { value, problem: found } = await outcome(asked);
      if (!isHere) return;
      if (value === null) return refused(found);
      setProblem(null);
      step({ type: "seen", organisation: value });
    }
    void arrive();
    return () => {
      isHere = false;
    };
  }, [code, attempt, inside, refused]);

  async function enter(name: string) {
    setIsBusy(true);
    const { value, problem: found } = await outcome(
      guests.POST("/api/guest/sessions", { body: { code, name } }),
    );
    setIsBusy(false);
    if (value === null) refused(found);
    else inside(value);
  }

  async function enterByGoogle() {
    setIsBusy(true);
    const found = await goToGoogle(code);
    setIsBusy(false);
    refused(found);
  }

  async function leave() {
    await outcome(guests.DELETE("/api/guest/session", bearer()));
    forget();
    step({ type: "left" });
    setAttempt((before) => before + 1);
  }

  const pass = useCallback(
    async (extension: string) => {
      const asked = guests.POST("/api/guest/calls", { ...bearer(), body: { extension } });
      const { value, problem: found } = await outcome(asked);
      if (found?.status === 409) {
        // It has closed since the page was read: until when is told by the list of extensions as it is now.
        const { value: now } = await outcome(guests.GET("/api/guest/session", bearer()));
        if (now !== null) inside(now);
      }
      setProblem(found);
      return value;
    },
    [inside],
  );

  const unrated = useCallback(async () => {
    const { value } = await outcome(guests.GET("/api/guest/calls", bearer()));
    const latest = value?.items[0];
    return latest?.ended_at != null && latest.score == null ? latest.dialled : null;
  }, []);

  async function rate(dialled: string, score: number, text: string) {
    const said = { score, ...(text.trim() === "" ? {} : { text: text.trim() }) };
    const { value: calls, problem: none } = await outcome(guests.GET("/api/guest/calls", bearer()));
    const id = calls?.items.find((call) => call.dialled === dialled)?.id;
    if (id === undefined) {
      setProblem(none);
      return false;
    }
    const asked = guests.PUT("/api/guest/calls/{id}/feedback", {
      ...bearer(),
      params: { path: { id } },
      body: said,
    });
    const { problem: found } = await outcome(asked);
    setProblem(found);
    return found === null;
  }

  return {
    visit,
    problem,
    isBusy,
    retry: () => setAttempt((before) => before + 1),
    enter,
    enterByGoogle,
    leave,
    choose: (extension, isExplained) => {
      setProblem(null);
      step({ type: "chosen", extension, isExplained });
    },
    putOff: () => step({ type: "put-off" }),
    over: useCallback((wasTalked: boolean) => step({ type: "over", wasTalked }), []),
    pass,
    rate,
    said: () => step({ type: "said" }),
    unrated,
    rateLater: (extension) => step({ type: "asked-again", extension }),
    token: useCallback(async () => kept()?.token ?? null, []),
  };
}
