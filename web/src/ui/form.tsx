import type { ReactNode } from "react";
import { sentence } from "../api/problem";
import { useWords } from "../i18n";
import { Button } from "./button";
import { Notice } from "./notice";
import type { Form as Filled } from "./use-form";

interface Props {
  readonly form: Filled;
  /** On the key that sends it. */
  readonly send: string;
  readonly children: ReactNode;
  /** Beside that key, such as a way back. */
  readonly beside?: ReactNode;
}

/** Fields, what is wrong with all of them, and one key that sends them. */
export function Form({ form, send, children, beside }: Props) {
  const words = useWords();
  const { wrong } = form;
  const text = wrong?.text ?? (wrong?.problem && sentence(words, wrong.problem));
  return (
    <form onSubmit={form.submit} noValidate className="mt-8 flex flex-col gap-5">
      {children}
      {text && <Notice kind="danger">{text}</Notice>}
      <Button kind="main" type="submit" disabled={form.isBusy}>
        {send}
      </Button>
      {beside}
    </form>
  );
}
