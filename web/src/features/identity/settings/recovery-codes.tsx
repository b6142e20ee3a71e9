import { useEffect, useRef } from "react";
import { useWords } from "../../../i18n";
import { Button } from "../../../ui/button";
import { Notice } from "../../../ui/notice";

/** The codes for the day the phone is lost. They are told this once, so they can be taken along as a file. */
export function RecoveryCodes({
  codes,
  done,
}: {
  readonly codes: readonly string[];
  readonly done: () => void;
}) {
  const { settings: said } = useWords();
  const heading = useRef<HTMLHeadingElement>(null);
  // The key that led here is gone.
  useEffect(() => heading.current?.focus(), []);

  function save() {
    const url = URL.createObjectURL(new Blob([`${codes.join("\n")}\n`], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = said.fileName;
    link.click();
    URL.revokeObjectURL(url);
  }

  return (
    <div className="mt-6">
      <h3 ref={heading} tabIndex={-1} className="text-lg font-bold outline-none">
        {said.recovery}
      </h3>
      <div className="mt-3">
        <Notice kind="warm">{said.recoveryHint}</Notice>
      </div>
      <ol className="mt-5 grid gap-x-8 gap-y-2 rounded-2xl bg-ground p-5 font-mono font-semibold select-all sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div className="mt-6 flex flex-wrap gap-3">
        <Button onClick={save}>{said.save}</Button>
        <Button kind="main" onClick={done}>
          {said.kept}
        </Button>
      </div>
    </div>
  );
}
