import { type FormEvent, useState } from "react";
import type { Problem } from "../api/problem";

/** What a form says of itself: by field, or of all of it. */
export interface Wrong {
  readonly fields?: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly problem?: Problem;
}

export interface Form {
  readonly isBusy: boolean;
  readonly wrong: Wrong | null;
  readonly of: (field: string) => string | null;
  readonly submit: (event: FormEvent<HTMLFormElement>) => void;
}

/** A form that is sent once at a time. `send` reads the fields, and says what is wrong, or nothing; the first field that is wrong gets the focus. */
export function useForm(send: (read: (field: string) => string) => Promise<Wrong | null>): Form {
  const [isBusy, setIsBusy] = useState(false);
  const [wrong, setWrong] = useState<Wrong | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (isBusy) return;
    const form = event.currentTarget;
    const values = new FormData(form);
    setIsBusy(true);
    const found = await send((field) => String(values.get(field) ?? ""));
    setIsBusy(false);
    setWrong(found);
    const first = Object.keys(found?.fields ?? {})[0];
    if (first !== undefined) form.querySelector<HTMLInputElement>(`[name="${first}"]`)?.focus();
  }

  return {
    isBusy,
    wrong,
    of: (field) => wrong?.fields?.[field] ?? null,
    submit: (event) => void submit(event),
  };
}
