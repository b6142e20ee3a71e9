import { useEffect, useMemo, useRef, useState } from "react";
import { follow } from "../../api/events";
import type { GuestCallPass } from "../../api/guest";
import { useWords } from "../../i18n";
import { useSoftphone } from "../../softphone/hook";
import { type Account, usable } from "../../softphone/phone";
import { CallCard } from "../../softphone/view/call-card";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { place } from "./queue";
import type { Visit } from "./visit";
import type { Visiting } from "./visit-hook";

interface Props {
  readonly visiting: Visiting;
  readonly visit: Extract<Visit, { at: "calling" }>;
}

/** The guest's one call: a pass for it, the call by this browser, and what the switch says of it meanwhile. */
export function GuestCall({ visiting, visit }: Props) {
  const words = useWords();
  const { pass: ask, over } = visiting;
  const [pass, setPass] = useState<GuestCallPass | null>(null);
  useEffect(() => {
    let isHere = true;
    void ask(visit.extension).then((made) => {
      if (!isHere) return;
      if (made === null) over(false);
      else setPass(made);
    });
    return () => {
      isHere = false;
    };
  }, [visit.extension, ask, over]);
  const account = useMemo(() => (pass === null ? null : accountOf(pass, visit.name)), [pass, visit.name]);
  const extension = visit.organisation.extensions.find((one) => one.id === visit.extension);
  if (pass !== null && account === null) {
    return (
      <section className="flex flex-col gap-5">
        <Notice kind="warm">{words.guest.noBrowser}</Notice>
        <Button onClick={() => over(false)}>{words.app.back}</Button>
      </section>
    );
  }
  if (pass === null || account === null) return <Waiting />;
  return (
    <Line
      account={account}
      uri={pass.uri}
      name={extension?.name ?? pass.extension.name}
      visiting={visiting}
    />
  );
}

/** Null: this page may open none of the switch's addresses. */
function accountOf(pass: GuestCallPass, name: string): Account | null {
  if (usable(pass.websocket_urls, location.protocol === "https:").length === 0) return null;
  const { username, realm: domain, password, websocket_urls: websocketUrls } = pass;
  return { username, domain, password, websocketUrls, name, isCalled: false };
}

interface LineProps {
  readonly account: Account;
  readonly uri: string;
  readonly name: string;
  readonly visiting: Visiting;
}

function Line({ account, uri, name, visiting: { over, token } }: LineProps) {
  const words = useWords();
  const [phone, { link, calls }] = useSoftphone(account);
  const [queued, setQueued] = useState<number | null>(null);
  const hasCalled = useRef(false);
  const wasTalked = useRef(false);
  const call = calls[0];

  useEffect(() => {
    if (phone === null || link !== "ready" || hasCalled.current) return;
    hasCalled.current = true;
    phone.wake();
    void phone.call(uri);
  }, [phone, link, uri]);

  useEffect(() => {
    const told = new AbortController();
    const say = (event: { kind: string; data: string }) => setQueued((before) => place(before, event));
    void follow({ url: "/api/guest/events", token, told: say, signal: told.signal });
    return () => told.abort();
  }, [token]);

  useEffect(() => {
    if (call?.answeredAt != null) wasTalked.current = true;
    // The last word on a call that is over stays to be read for a while.
    if (hasCalled.current && call === undefined && phone !== null) over(wasTalked.current);
  }, [call, phone, over]);

  if (phone === null || call === undefined) {
    return link === "lost" && !hasCalled.current ? (
      <section className="flex flex-col gap-5">
        <Notice kind="danger">{words.problem.offline}</Notice>
        <Button onClick={() => over(false)}>{words.app.back}</Button>
      </section>
    ) : (
      <Waiting />
    );
  }
  const isWaiting = call.stage !== "talking" || queued !== null;
  const told =
    isWaiting && queued !== null ? (queued > 0 ? words.call.queued(queued) : words.call.next) : null;
  return (
    <CallCard call={call} phone={phone} name={name} told={told}>
      {link === "lost" && (
        <div className="mt-4 text-left">
          <Notice kind="warm">{words.phone.link.lost}</Notice>
        </div>
      )}
    </CallCard>
  );
}

function Waiting() {
  const { call } = useWords();
  return (
    <p role="status" className="sheet p-12 text-center text-lg text-muted">
      {call.calling}
    </p>
  );
}
