import { type InputHTMLAttributes, type ReactNode, useId } from "react";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  readonly hint?: string;
  /** What is wrong with it; it is read out with the field. */
  readonly wrong?: string | null;
  /** Stands inside, at its end. */
  readonly beside?: ReactNode;
}

export function Field({ label, hint, wrong, beside, className = "", ...rest }: Props) {
  const id = useId();
  const told = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-semibold">
        {label}
      </label>
      <div
        className={`flex min-h-12 items-center rounded-2xl border bg-surface focus-within:outline-3 focus-within:outline-offset-2 focus-within:outline-brand ${wrong ? "border-danger" : "border-edge"}`}
      >
        <input
          id={id}
          aria-describedby={told || undefined}
          aria-invalid={wrong ? true : undefined}
          className={`min-w-0 flex-1 bg-transparent px-4 py-3 outline-none placeholder:text-muted ${className}`}
          {...rest}
        />
        {beside}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      )}
      {wrong && (
        <p id={`${id}-wrong`} className="text-sm font-medium text-danger">
          {wrong}
        </p>
      )}
    </div>
  );
}
