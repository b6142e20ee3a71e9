import type { ReactNode } from "react";

interface Props {
  readonly title: string;
  readonly hint: string;
  readonly children: ReactNode;
}

/** One thing that can be set. */
export function Part({ title, hint, children }: Props) {
  return (
    <section className="sheet p-6 sm:p-8">
      <h2 className="text-xl font-bold">{title}</h2>
      <p className="mt-1.5 leading-relaxed text-muted wrap-anywhere">{hint}</p>
      {children}
    </section>
  );
}
