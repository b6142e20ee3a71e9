/** The words of the language that is spoken, for React. The choice is remembered by this browser. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Words } from "./id";
import { LANGUAGES, type Language, language } from "./language";

const KEY = "sambung.language";

interface Spoken {
  readonly language: Language;
  readonly words: Words;
  readonly speak: (language: Language) => void;
}

const Context = createContext<Spoken>({ language: "id", words: LANGUAGES.id, speak: () => undefined });

export function Speaking({ children }: { readonly children: ReactNode }) {
  const [spoken, setSpoken] = useState(() => language(localStorage.getItem(KEY), navigator.languages));
  useEffect(() => {
    document.documentElement.lang = spoken;
  }, [spoken]);
  const value = useMemo(
    () => ({
      language: spoken,
      words: LANGUAGES[spoken],
      speak: (next: Language) => {
        localStorage.setItem(KEY, next);
        setSpoken(next);
      },
    }),
    [spoken],
  );
  return <Context value={value}>{children}</Context>;
}

export const useSpoken = (): Spoken => useContext(Context);
export const useWords = (): Words => useSpoken().words;
