import { useEffect, useRef } from "react";
import { useWords } from "../../i18n";

const BARS = [0.05, 0.14, 0.26, 0.4, 0.58];

/** How loud one is oneself, read ten times a second and drawn past React: it is for the eye alone. */
export function Level({ level }: { readonly level: () => number }) {
  const { call } = useWords();
  const bars = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const now = level();
      for (const [at, bar] of [...(bars.current?.children ?? [])].entries()) {
        bar.classList.toggle("opacity-25", now < (BARS[at] ?? 1));
      }
    }, 100);
    return () => clearInterval(timer);
  }, [level]);
  return (
    <span className="inline-flex items-center gap-2 text-sm text-muted" aria-hidden="true">
      {call.level}
      <span ref={bars} className="flex h-5 items-end gap-1 text-brand">
        {BARS.map((bar, at) => (
          <span
            key={bar}
            className="w-1.5 rounded-full bg-current opacity-25"
            style={{ height: `${40 + at * 15}%` }}
          />
        ))}
      </span>
    </span>
  );
}
