import { type FormEvent, useId, useState } from "react";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { Sheet } from "./door";
import type { Visit } from "./visit";
import type { Visiting } from "./visit-hook";

const SCORES = [1, 2, 3, 4, 5] as const;
/** Characters, as the API takes them. */
const TEXT_MAX = 500;

interface Props {
  readonly visiting: Visiting;
  readonly visit: Extract<Visit, { at: "feedback" }>;
}

/** One to five, and a word besides; or neither (H-021). */
export function Feedback({ visiting, visit }: Props) {
  const { feedback: said, app } = useWords();
  const [score, setScore] = useState(0);
  const [isBusy, setIsBusy] = useState(false);
  const [isThanked, setIsThanked] = useState(false);
  const text = useId();
  const dialled = visit.organisation.extensions.find((one) => one.id === visit.extension)?.number ?? "";

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const written = String(new FormData(event.currentTarget).get("text") ?? "");
    setIsBusy(true);
    setIsThanked(await visiting.rate(dialled, score, written));
    setIsBusy(false);
  }

  if (isThanked) {
    return (
      <section className="flex flex-col gap-5">
        <Notice>{said.thanks}</Notice>
        <Button onClick={visiting.said}>{app.back}</Button>
      </section>
    );
  }
  return (
    <Sheet title={said.title} hint={said.hint}>
      <form onSubmit={submit} className="flex flex-col gap-6">
        <fieldset>
          <legend className="sr-only">{said.title}</legend>
          <div className="flex justify-between">
            {SCORES.map((one) => (
              <label
                key={one}
                className="cursor-pointer rounded-full p-2 text-warm has-focus-visible:outline-3 has-focus-visible:outline-brand"
              >
                <input
                  type="radio"
                  name="score"
                  value={one}
                  checked={score === one}
                  onChange={() => setScore(one)}
                  className="sr-only"
                />
                <Icon name="star" className="size-9" filled={one <= score} />
                <span className="sr-only">
                  {said.score(one)}, {said.scores[one - 1]}
                </span>
              </label>
            ))}
          </div>
          <p aria-hidden="true" className="mt-1 h-6 text-center font-medium text-muted">
            {said.scores[score - 1]}
          </p>
        </fieldset>
        <div className="flex flex-col gap-1.5">
          <label htmlFor={text} className="font-semibold">
            {said.text}
          </label>
          <textarea
            id={text}
            name="text"
            rows={3}
            maxLength={TEXT_MAX}
            className="rounded-2xl border border-edge bg-surface px-4 py-3"
          />
        </div>
        <div className="flex flex-col gap-3">
          <Button kind="main" type="submit" disabled={score === 0 || isBusy}>
            {said.send}
          </Button>
          <Button kind="quiet" onClick={visiting.said}>
            {said.skip}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
