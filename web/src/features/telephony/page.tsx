/**
 * The phone of an owner or of staff (H-023 … H-026, H-033 … H-035): it rings here, in one tab of the browser alone, and beside it stands what
 * comes in to the extensions of whoever has signed in.
 */
import { useEffect, useMemo, useState } from "react";
import { Redirect } from "wouter";
import { useWords } from "../../i18n";
import { useSoftphone } from "../../softphone/hook";
import { oneTab, type Place, type Tab } from "../../softphone/one-tab";
import { usable } from "../../softphone/phone";
import type { Link, State } from "../../softphone/state";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { Shell } from "../../ui/shell";
import { StaffBar } from "../identity/staff-bar";
import { may, useMe } from "../identity/use-me";
import { Calls } from "./calls-list";
import { Desk } from "./desk";
import { Off } from "./off";
import { useBrowserPhone } from "./use-browser-phone";
import { useCalls } from "./use-calls";
import { useOffice } from "./use-office";

export default function Phone() {
  const words = useWords();
  const me = useMe();
  const [tab, place] = useOneTab(me?.person.id ?? null);
  const isHere = place === "here" && me?.organisation != null;
  const { account, problem, retry } = useBrowserPhone(me, isHere);
  const hasWay = account === null || usable(account.websocketUrls, location.protocol === "https:").length > 0;
  const [phone, state] = useSoftphone(hasWay && isHere ? account : null);
  const [office, calls] = [useOffice(me), useCalls(me)];
  useWake(phone?.wake);
  if (me === null) return <Redirect to="/sign-in" replace />;

  return (
    <Shell wide title={heading(words.phone, state)} aside={<StaffBar me={me} />}>
      <h1 className="sr-only">{words.phone.title}</h1>
      <div className="mt-2 grid grid-cols-[minmax(0,1fr)] items-start gap-8 lg:mt-6 lg:grid-cols-[minmax(0,26rem)_minmax(0,1fr)] lg:gap-14">
        <div className="flex flex-col gap-5">
          {me.organisation === null && (
            <Notice kind="warm">
              {me.organisations.length === 0 ? words.signIn.nowhere : words.signIn.notApproved}
            </Notice>
          )}
          {place === "elsewhere" && <Elsewhere tab={tab} />}
          {problem !== null ? (
            <Off me={me} problem={problem} retry={retry} />
          ) : (
            isHere && <Standing link={hasWay ? state.link : "off"} />
          )}
          {!hasWay && <Notice kind="warm">{words.guest.noBrowser}</Notice>}
          {isHere && problem === null && <Desk phone={phone} state={state} />}
        </div>
        <Calls
          calls={calls}
          office={office}
          reads={may(me, "calls.read")}
          redial={phone === null ? null : (number) => void phone.call(number)}
        />
      </div>
    </Shell>
  );
}

/** The window's title rings too, for who looks at another one. */
function heading(words: ReturnType<typeof useWords>["phone"], { calls }: State): string {
  const ringing = calls.find((call) => call.stage === "incoming");
  return ringing === undefined ? words.title : words.incomingFrom(ringing.peer.name || ringing.peer.number);
}

const DOTS: Record<Link, string> = {
  off: "bg-edge",
  connecting: "bg-warm animate-pulse",
  ready: "bg-brand",
  lost: "bg-danger animate-pulse",
  refused: "bg-danger",
};

function Standing({ link }: { readonly link: Link }) {
  const { phone } = useWords();
  return (
    <p role="status" className="flex items-center gap-3 font-semibold">
      <span aria-hidden="true" className={`size-2.5 rounded-full ${DOTS[link]}`} />
      {phone.link[link]}
    </p>
  );
}

function Elsewhere({ tab }: { readonly tab: Tab | null }) {
  const { phone } = useWords();
  return (
    <section className="sheet p-7">
      <h2 className="text-xl font-bold">{phone.elsewhere}</h2>
      <p className="mt-2 mb-6 leading-relaxed text-muted">{phone.elsewhereHint}</p>
      <Button kind="main" onClick={() => tab?.takeOver()}>
        {phone.takeOver}
      </Button>
    </section>
  );
}

/** One phone for each person in this browser, whoever else signs in beside them. */
function useOneTab(person: string | null): [Tab | null, Place] {
  const [tab, setTab] = useState<Tab | null>(null);
  const [place, setPlace] = useState<Place>("unknown");
  useEffect(() => {
    if (person === null) return;
    const held = oneTab(`sambung.phone.${person}`, setPlace);
    setTab(held);
    return () => {
      held.leave();
      setPlace("unknown");
    };
  }, [person]);
  return useMemo(() => [tab, place], [tab, place]);
}

/** The first touch of the page lets the phone be heard. */
function useWake(wake: (() => void) | undefined) {
  useEffect(() => {
    if (wake === undefined) return;
    const events = ["pointerdown", "keydown"] as const;
    for (const event of events) window.addEventListener(event, wake);
    return () => {
      for (const event of events) window.removeEventListener(event, wake);
    };
  }, [wake]);
}
