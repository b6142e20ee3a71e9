/** The first visit (H-001): guest, or owner and staff. */
import { Link } from "wouter";
import { useWords } from "../i18n";
import { Icon, type IconName } from "../ui/icon";
import { Arc } from "../ui/mark";
import { Shell } from "../ui/shell";
import { useMe } from "./identity/use-me";

export function Home() {
  const { home, app } = useWords();
  const staff = useMe() === null ? "/sign-in" : "/phone";
  return (
    <Shell title={home.title}>
      <section className="mx-auto mt-[8vh] max-w-3xl">
        <p className="font-semibold text-brand">{app.tagline}</p>
        <h1 className="mt-2 text-4xl font-bold tracking-tight sm:text-5xl">{home.title}</h1>
        <p className="mt-4 text-lg text-muted">{home.question}</p>
        <nav aria-label={home.question} className="mt-10 grid gap-5 sm:grid-cols-2">
          <Way href="/guest" icon="visitor" title={home.guest} hint={home.guestHint} />
          <Way href={staff} icon="badge" title={home.staff} hint={home.staffHint} />
        </nav>
        <p className="mt-14 text-sm text-muted">
          <a href="/docs/" className="underline underline-offset-4 hover:text-brand">
            {app.developers}
          </a>
        </p>
      </section>
      <Arc />
    </Shell>
  );
}

function Way(way: {
  readonly href: string;
  readonly icon: IconName;
  readonly title: string;
  readonly hint: string;
}) {
  return (
    <Link
      href={way.href}
      className="group flex flex-col gap-3 sheet p-7 transition-colors hover:border-brand"
    >
      <span className="grid size-12 place-items-center rounded-2xl bg-brand-soft text-brand">
        <Icon name={way.icon} className="size-6" />
      </span>
      <span className="mt-2 flex items-center gap-2 text-xl font-bold">
        {way.title}
        <Icon name="right" className="size-4 text-brand transition-transform group-hover:translate-x-1" />
      </span>
      <span className="leading-relaxed text-muted">{way.hint}</span>
    </Link>
  );
}
