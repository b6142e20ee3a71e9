/** What all pages have: the mark that leads home, the language, and a way past both for who cannot see them. */
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";
import { useSpoken } from "../i18n";
import { LANGUAGES, type Language } from "../i18n/language";
import { Mark } from "./mark";

interface Props {
  /** Of the window, and read out when the page appears. */
  readonly title: string;
  readonly aside?: ReactNode;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

/** The first page begins where the browser begins, every other one where what is new on it does. */
let isFirst = true;

export function Shell({ title, aside, wide = false, children }: Props) {
  const { words } = useSpoken();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isFirst) main.current?.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${title} · sambung`;
  }, [title]);
  return (
    <div className="relative isolate flex min-h-dvh flex-col overflow-x-clip">
      <a
        href="#main"
        className="absolute left-4 top-4 z-20 -translate-y-24 rounded-full bg-brand px-5 py-3 font-semibold text-on-brand focus:translate-y-0"
      >
        {words.app.skip}
      </a>
      <header
        className={`mx-auto flex w-full items-center gap-3 px-5 py-5 ${wide ? "max-w-6xl" : "max-w-5xl"}`}
      >
        <Link
          href="/"
          className="flex min-h-10 min-w-10 items-center gap-2.5 rounded-lg text-lg font-bold tracking-tight"
        >
          <Mark className="size-8" />
          {/* Beside more keys there is no room for it in a pocket. */}
          <span className={aside ? "sr-only sm:not-sr-only" : ""}>sambung</span>
          <span className="sr-only">, {words.app.home}</span>
        </Link>
        <div className="ml-auto flex items-center gap-1 sm:gap-2">
          {aside}
          <Languages />
        </div>
      </header>
      <main
        id="main"
        ref={main}
        tabIndex={-1}
        className={`mx-auto w-full flex-1 px-5 pb-16 outline-none ${wide ? "max-w-6xl" : "max-w-5xl"}`}
      >
        {children}
      </main>
    </div>
  );
}

function Languages() {
  const { language, words, speak } = useSpoken();
  return (
    <fieldset className="flex rounded-full border border-line p-0.5 text-sm font-semibold">
      <legend className="sr-only">{words.app.language}</legend>
      {(Object.keys(LANGUAGES) as Language[]).map((one) => (
        <button
          key={one}
          type="button"
          lang={one}
          aria-pressed={one === language}
          aria-label={`${one.toUpperCase()}, ${LANGUAGES[one].name}`}
          onClick={() => speak(one)}
          className={`min-h-10 min-w-10 rounded-full px-2 uppercase ${one === language ? "bg-brand-soft text-brand" : "text-muted"}`}
        >
          {one}
        </button>
      ))}
    </fieldset>
  );
}
