import { useCallback, useEffect, useState } from "react";
import type { Outcome } from "../api/client";
import type { Problem } from "../api/problem";

export interface Question<T> {
  /** Null until there is an answer. */
  readonly answer: T | null;
  readonly problem: Problem | null;
  /** Asks anew; the answer of before stays until there is another. */
  readonly again: () => void;
}

/** What the API answers to `ask`, which is asked again when it is another function. */
export function useQuestion<T>(ask: () => Promise<Outcome<T>>): Question<T> {
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again
  useEffect(() => {
    let isHere = true;
    void ask().then(({ value, problem: found }) => {
      if (!isHere) return;
      if (value !== null) setAnswer(value);
      setProblem(found);
    });
    return () => {
      isHere = false;
    };
  }, [ask, attempt]);
  return { answer, problem, again: useCallback(() => setAttempt((before) => before + 1), []) };
}
