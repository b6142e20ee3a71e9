import { Link } from "wouter";
import { useWords } from "../i18n";
import { Shell } from "../ui/shell";

export function Nowhere() {
  const { app } = useWords();
  return (
    <Shell title={app.nowhere}>
      <section className="mx-auto mt-16 max-w-md text-center">
        <h1 className="text-3xl font-bold tracking-tight">{app.nowhere}</h1>
        <p className="mt-3 text-muted">{app.nowhereHint}</p>
        <Link
          href="/"
          className="mt-8 inline-flex min-h-12 min-w-12 items-center justify-center font-semibold text-brand underline underline-offset-4"
        >
          {app.home}
        </Link>
      </section>
    </Shell>
  );
}
