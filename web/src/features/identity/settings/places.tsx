/** Where one is signed in, and the end of what one does not know. */
import { useState } from "react";
import { outcome, type Schemas } from "../../../api/client";
import { type Problem, sentence } from "../../../api/problem";
import { useSpoken } from "../../../i18n";
import type { Words } from "../../../i18n/id";
import { moment, ZONE } from "../../../i18n/language";
import { Button } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import { Notice } from "../../../ui/notice";
import { useQuestion } from "../../../ui/use-question";
import { authorised, signOut, signOutEverywhere } from "../signed-in";
import { browser } from "./browser";
import { Part } from "./part";

type Place = Schemas["Place"];

const places = () => outcome(authorised.GET("/api/identity/sign-ins"));

export function Places() {
  const { words } = useSpoken();
  const { settings: said, app } = words;
  const { answer, problem, again } = useQuestion(places);
  const [ending, setEnding] = useState<"ended" | Problem | null>(null);

  async function end({ id, is_current }: Place) {
    if (is_current) return signOut();
    const asked = authorised.DELETE("/api/identity/sign-ins/{id}", { params: { path: { id } } });
    const { problem: found } = await outcome(asked);
    // Somebody else has ended it: so it should be.
    setEnding(found === null || found.status === 404 ? "ended" : found);
    again();
  }

  async function endAll() {
    const { problem: found } = await signOutEverywhere();
    if (found !== null) setEnding(found);
  }

  const trouble = ending !== null && ending !== "ended" ? ending : problem;
  return (
    <Part title={said.places} hint={said.placesHint}>
      <div className="mt-4 flex flex-col gap-4">
        {ending === "ended" && <Notice>{said.ended}</Notice>}
        {trouble !== null && <Notice kind="danger">{sentence(words, trouble)}</Notice>}
        {answer === null && problem === null && (
          <p role="status" className="text-muted">
            {app.loading}
          </p>
        )}
        {answer === null && problem !== null && <Button onClick={again}>{app.retry}</Button>}
        {answer !== null && (
          <ul className="divide-y divide-line">
            {answer.map((place) => (
              <Row key={place.id} place={place} end={() => void end(place)} />
            ))}
          </ul>
        )}
        {answer !== null && answer.length > 1 && (
          <Button className="self-start" onClick={() => void endAll()}>
            {said.endAll}
          </Button>
        )}
      </div>
    </Part>
  );
}

function Row({ place, end }: { readonly place: Place; readonly end: () => void }) {
  const { words } = useSpoken();
  const { settings: said } = words;
  const name = called(words, place);
  return (
    <li className="flex items-center gap-4 py-3">
      <span className="hidden size-10 shrink-0 place-items-center rounded-full bg-brand-soft text-brand sm:grid">
        <Icon name={browser(place.user_agent ?? "")?.isPocket ? "pocket" : "screen"} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-x-2 font-semibold">
          {name}
          {place.is_current && (
            <span className="rounded-full bg-brand-soft px-2.5 py-0.5 text-sm text-brand">{said.here}</span>
          )}
        </span>
        <span className="block text-sm text-muted">
          {said.used(moment(words, new Date(place.used_at), new Date(), ZONE))},{" "}
          {place.method === "google_login" ? said.byGoogle : said.byPassword}
        </span>
      </span>
      <Button className="px-4" aria-label={said.endOf(name)} onClick={end}>
        {said.end}
      </Button>
    </li>
  );
}

function called({ settings: said }: Words, { user_agent }: Place): string {
  const found = browser(user_agent ?? "");
  if (found !== null) return said.browser(found.browser, found.system);
  // A program's own name, as far as its version.
  return /^[\w-]{1,30}(?=\/)/.exec(user_agent ?? "")?.[0] ?? said.program;
}
