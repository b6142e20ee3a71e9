/** What the pages of who is not in yet have in common: one thing to do, in the middle. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useWords } from "../../i18n";
import { Icon, type IconName } from "../../ui/icon";
import { Shell } from "../../ui/shell";

interface Props {
  readonly title: string;
  readonly hint?: string;
  readonly icon?: IconName;
  readonly children?: ReactNode;
}

export function Entry({ title, hint, icon, children }: Props) {
  return (
    <Shell title={title}>
      <Sheet
        title={title}
        {...(hint === undefined ? {} : { hint })}
        {...(icon === undefined ? {} : { icon })}
      >
        {children}
      </Sheet>
    </Shell>
  );
}

function Sheet({ title, hint, icon, children }: Props) {
  return (
    <section className="mx-auto mt-[4vh] max-w-md sheet p-7 sm:mt-[6vh] sm:p-10">
      {icon && (
        <span className="mb-5 grid size-12 place-items-center rounded-2xl bg-brand-soft text-brand">
          <Icon name={icon} className="size-6" />
        </span>
      )}
      <h1 className="text-3xl font-bold tracking-tight wrap-anywhere">{title}</h1>
      {hint && <p className="mt-2 leading-relaxed text-muted wrap-anywhere">{hint}</p>}
      {children}
    </section>
  );
}

/** The one way on from here. */
export function Onward({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  return (
    <Link
      href={href}
      className="mt-8 flex min-h-12 items-center justify-center rounded-full bg-brand px-6 font-semibold text-on-brand transition-colors hover:bg-brand-deep"
    >
      {children}
    </Link>
  );
}

/** A way aside, below. */
export function Aside({
  text,
  href,
  children,
}: {
  readonly text?: string;
  readonly href: string;
  readonly children: ReactNode;
}) {
  return (
    <p className="mt-6 text-center text-muted">
      {text && `${text} `}
      <Link
        href={href}
        className="font-semibold text-brand underline underline-offset-4 hover:text-brand-deep"
      >
        {children}
      </Link>
    </p>
  );
}

/** A page that belongs to a letter, come to without its link: `href` is where another letter is asked for, where one can be. */
export function NoLetter({ href }: { readonly href?: string }) {
  const { letter: said } = useWords();
  return (
    <Entry key="none" icon="letter" title={said.none} hint={said.noneHint}>
      {href && <Onward href={href}>{said.ask}</Onward>}
      <Aside href="/sign-in">{said.signIn}</Aside>
    </Entry>
  );
}
