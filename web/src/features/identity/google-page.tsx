/** Where the provider of sign-ins sends browsers back to (decision 0065). What it has said was taken out of the address before (`arrived.ts`). */
import { useEffect, useState } from "react";
import { Redirect, useLocation } from "wouter";
import { arrived } from "../../arrived";
import { useSpoken } from "../../i18n";
import { Entry, Onward } from "./entry";
import { type Came, comeBack } from "./google";
import { SecondStep } from "./second-step";
import { useMe } from "./use-me";

export default function GooglePage() {
  const { words, language } = useSpoken();
  const { google: said } = words;
  const [, go] = useLocation();
  const [came, setCame] = useState<Came>("in");
  useEffect(() => {
    let isHere = true;
    void comeBack(arrived(), language).then((found) => isHere && setCame(found));
    return () => {
      isHere = false;
    };
  }, [language]);

  if (useMe() !== null) return <Redirect to="/phone" replace />;
  if (came === "in") {
    return (
      <Entry key="wait" title={said.title}>
        <p role="status" className="mt-6 text-muted">
          {said.busy}
        </p>
      </Entry>
    );
  }
  if ("step" in came) {
    return (
      <Entry key="code" title={said.title}>
        <SecondStep step={came.step} again={() => go("/sign-in")} />
      </Entry>
    );
  }
  const hints = { denied: said.deniedHint, over: said.over, other: said.other, away: said.away };
  return (
    <Entry key="no" title={said.denied} hint={hints[came.why]}>
      <Onward href="/sign-in">{said.begin}</Onward>
    </Entry>
  );
}
