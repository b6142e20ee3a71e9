/**
 * Where an organisation's QR code leads: a name, the organisation with whom it can be called at, the call, and what the guest has to say of it
 * (H-009, H-010, H-020 … H-022). Made for a phone held in one hand.
 */
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";
import type { GuestOrganisation } from "../../api/guest";
import { sentence } from "../../api/problem";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { Shell } from "../../ui/shell";
import { Door } from "./door";
import { Feedback } from "./feedback";
import { GuestCall } from "./guest-call";
import { Inside } from "./inside";
import type { Closed, Visit } from "./visit";
import { useVisit } from "./visit-hook";

export default function Guest({ code }: { readonly code: string }) {
  const words = useWords();
  const visiting = useVisit(code);
  const { visit, problem } = visiting;
  const organisation = visit.at === "closed" ? null : visit.organisation;
  return (
    <Shell title={organisation?.name ?? words.home.guest}>
      <div className="mx-auto mt-2 max-w-lg sm:mt-[4vh]">
        {organisation !== null && (
          <Name organisation={organisation} isSmall={visit.at !== "door" && visit.at !== "inside"} />
        )}
        <Turn visit={visit}>
          {visit.at === "closed" && <NoWay why={visit.why} />}
          {visit.at === "door" && organisation !== null && (
            <Door {...visiting} isElsewhere={visit.isElsewhere} />
          )}
          {visit.at === "inside" && <Inside visiting={visiting} visit={visit} />}
          {visit.at === "calling" && <GuestCall visiting={visiting} visit={visit} />}
          {visit.at === "feedback" && <Feedback visiting={visiting} visit={visit} />}
        </Turn>
        {problem !== null && visit.at !== "closed" && (
          <div className="mt-6 flex flex-col items-start gap-4">
            <Notice kind="danger">
              {problem.status === 409 ? words.guest.closedNow : sentence(words, problem)}
            </Notice>
            {visit.at === "door" && <Button onClick={visiting.retry}>{words.app.retry}</Button>}
          </div>
        )}
        {organisation === null && problem === null && visit.at === "door" && (
          <p role="status" className="mt-24 text-center text-muted">
            {words.app.loading}
          </p>
        )}
      </div>
    </Shell>
  );
}

function Name({
  organisation,
  isSmall,
}: {
  readonly organisation: GuestOrganisation;
  readonly isSmall: boolean;
}) {
  const { guest } = useWords();
  return (
    <div className={isSmall ? "mb-5 text-center" : "mb-8"}>
      <h1
        className={`font-bold tracking-tight wrap-anywhere ${isSmall ? "text-lg" : "text-3xl sm:text-4xl"}`}
      >
        {organisation.name}
      </h1>
      {!isSmall && organisation.description && (
        <p className="mt-2 leading-relaxed text-muted">{organisation.description}</p>
      )}
      {!isSmall && organisation.address && (
        <p className="mt-2 flex items-start gap-2 text-muted">
          <Icon name="pin" className="mt-0.5 size-5" />
          <span>
            <span className="sr-only">{guest.address}: </span>
            {organisation.address}
          </span>
        </p>
      )}
    </div>
  );
}

/** Moves the focus to what has come in place of what had it, so that nobody is left on a key that is there no more. */
function Turn({ visit, children }: { readonly visit: Visit; readonly children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const turn = visit.at === "inside" && visit.explains !== null ? "explains" : visit.at;
  const before = useRef(turn);
  useEffect(() => {
    if (before.current !== turn) place.current?.focus();
    before.current = turn;
  }, [turn]);
  return (
    <div ref={place} tabIndex={-1} className="outline-none">
      {children}
    </div>
  );
}

function NoWay({ why }: { readonly why: Closed }) {
  const { guest, app } = useWords();
  const text = {
    unknown: [guest.unknown, guest.unknownHint],
    expired: [guest.expired, guest.expiredHint],
    unavailable: [guest.unavailable, guest.unavailableHint],
  }[why];
  return (
    <section className="mt-16 text-center">
      <h1 className="text-3xl font-bold tracking-tight">{text[0]}</h1>
      <p className="mt-3 text-muted">{text[1]}</p>
      <Link
        href="/guest"
        className="mt-8 inline-flex min-h-12 min-w-12 items-center justify-center font-semibold text-brand underline underline-offset-4"
      >
        {app.back}
      </Link>
    </section>
  );
}
