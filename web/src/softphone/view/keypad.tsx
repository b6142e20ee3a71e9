import { useWords } from "../../i18n";

const LETTERS: Record<string, string> = {
  2: "abc",
  3: "def",
  4: "ghi",
  5: "jkl",
  6: "mno",
  7: "pqrs",
  8: "tuv",
  9: "wxyz",
  0: "+",
};

/** The twelve keys of a telephone. */
export function Keypad({ press }: { readonly press: (key: string) => void }) {
  const { call } = useWords();
  return (
    <div className="mx-auto grid w-full max-w-72 grid-cols-3 justify-items-center gap-3">
      {[..."123456789*0#"].map((key) => (
        <button
          key={key}
          type="button"
          onClick={() => press(key)}
          className="flex size-16 flex-col items-center justify-center rounded-full bg-ground text-2xl font-semibold leading-none transition-colors hover:bg-brand-soft active:bg-brand active:text-on-brand"
        >
          <span className="sr-only">{call.key(key)}</span>
          <span aria-hidden="true">{key}</span>
          <span
            aria-hidden="true"
            className="mt-1 h-2.5 text-[0.65rem] font-medium tracking-widest text-muted"
          >
            {LETTERS[key]}
          </span>
        </button>
      ))}
    </div>
  );
}
