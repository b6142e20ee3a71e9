import { useState } from "react";
import { type Problem, sentence } from "../../../api/problem";
import { useSpoken } from "../../../i18n";
import { Button } from "../../../ui/button";
import { Notice } from "../../../ui/notice";
import { forget } from "../accounts";
import { Part } from "./part";

/** A password is set by a letter alone: whoever has found a browser that is signed in may not shut its owner out. */
export function NewPassword({ email }: { readonly email: string }) {
  const { words, language } = useSpoken();
  const { settings: said } = words;
  const [isBusy, setIsBusy] = useState(false);
  const [isSent, setIsSent] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  async function ask() {
    setIsBusy(true);
    const asked = await forget(email, language);
    setIsBusy(false);
    setProblem(asked.problem);
    setIsSent(asked.problem === null);
  }

  return (
    <Part title={said.password} hint={said.passwordHint(email)}>
      <div className="mt-5 flex flex-col items-start gap-4">
        {isSent && <Notice>{said.passwordSent}</Notice>}
        {problem !== null && <Notice kind="danger">{sentence(words, problem)}</Notice>}
        {!isSent && (
          <Button disabled={isBusy} onClick={() => void ask()}>
            {said.passwordAsk}
          </Button>
        )}
      </div>
    </Part>
  );
}
