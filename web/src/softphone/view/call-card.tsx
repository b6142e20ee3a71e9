/** One call as a person sees it: with whom, how it stands, and the keys that are of use now. */
import { type ReactNode, useCallback, useState } from "react";
import { useWords } from "../../i18n";
import type { Words } from "../../i18n/id";
import { length } from "../../i18n/language";
import { Round } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { useNow } from "../../ui/use-now";
import type { Softphone } from "../phone";
import { type Call, hints } from "../state";
import { Keypad } from "./keypad";
import { Level } from "./level";

interface Props {
  readonly call: Call;
  readonly phone: Softphone;
  /** What the other side is called, where the page knows better than the call. */
  readonly name?: string;
  /** What the page knows of it besides, such as a place in a queue. */
  readonly told?: string | null;
  /** Keys beyond those that everybody has. */
  readonly keys?: ReactNode;
  readonly children?: ReactNode;
}

export function CallCard({ call, phone, name = who(call), told, keys, children }: Props) {
  const words = useWords();
  const [hasKeypad, setHasKeypad] = useState(false);
  const talks = call.stage === "talking";
  const level = useCallback(() => phone.level(call.id), [phone, call.id]);
  return (
    <section aria-label={name || words.phone.unknown} className="sheet p-6 text-center sm:p-8">
      <Face call={call} name={name} />
      <h2 className="mt-5 text-2xl font-bold tracking-tight wrap-anywhere">{name || words.phone.unknown}</h2>
      {isNumber(call) && call.peer.number !== name && (
        <p className="text-muted wrap-anywhere">{call.peer.number}</p>
      )}
      <p role="status" className="mt-1 min-h-7 text-lg text-muted">
        {call.stage !== "ended" && told ? told : stands(words, call)}
      </p>
      {talks && <Clock since={call.answeredAt ?? call.begunAt} />}
      {hints(call).map((hint) => (
        <div key={hint} className="mt-4 text-left">
          <Notice kind="warm">{words.hint[hint]}</Notice>
        </div>
      ))}
      {children}
      {hasKeypad && talks && (
        <div className="mt-6">
          <output aria-label={words.call.pressed} className="mb-4 block min-h-8 text-2xl tracking-widest">
            {call.keys}
          </output>
          <Keypad press={(key) => phone.press(call.id, key)} />
        </div>
      )}
      {talks && !call.muted && !call.heldHere && (
        <p className="mt-4">
          <Level level={level} />
        </p>
      )}
      <div className="mt-6 flex flex-wrap items-start justify-center gap-x-2 gap-y-5">
        {call.stage === "incoming" && (
          <Round
            icon="phone"
            tone="answer"
            label={words.call.answer}
            onClick={() => void phone.answer(call.id)}
          />
        )}
        {talks && (
          <>
            <Round
              icon={call.muted ? "muted" : "microphone"}
              tone={call.muted ? "on" : "plain"}
              label={call.muted ? words.call.unmute : words.call.mute}
              aria-pressed={call.muted}
              onClick={() => phone.mute(call.id, !call.muted)}
            />
            <Round
              icon="keypad"
              tone={hasKeypad ? "on" : "plain"}
              label={words.call.keypad}
              aria-expanded={hasKeypad}
              onClick={() => setHasKeypad(!hasKeypad)}
            />
            {keys}
          </>
        )}
        {call.stage !== "ended" && (
          <Round
            icon="hangup"
            tone="end"
            label={call.stage === "incoming" ? words.call.decline : words.call.hangUp}
            onClick={() => phone.hangUp(call.id)}
          />
        )}
      </div>
    </section>
  );
}

function Face({ call, name }: { readonly call: Call; readonly name: string }) {
  const isWaiting = call.stage === "incoming" || call.stage === "calling" || call.stage === "ringing";
  return (
    <div aria-hidden="true" className="relative mx-auto size-24">
      {isWaiting && <span className="absolute inset-0 animate-pulse-out rounded-full bg-brand" />}
      <span className="relative grid size-24 place-items-center rounded-full bg-brand-soft text-3xl font-bold text-brand">
        {name.trim().slice(0, 1).toUpperCase() || "?"}
      </span>
    </div>
  );
}

function Clock({ since }: { readonly since: number }) {
  const { call } = useWords();
  const now = useNow(true);
  return (
    <p role="timer" aria-label={call.duration} className="mt-1 font-semibold tabular-nums">
      {length(now - since)}
    </p>
  );
}

/** A guest's address is a pass, which nobody can read. */
const isNumber = ({ peer, direction }: Call) => direction === "in" && /^[+*#0-9]+$/.test(peer.number);

/** The name, or the number of who says none. */
export const who = ({ peer }: Call): string => peer.name || peer.number;

/** How a call stands, in a word or two. */
export function stands(words: Words, call: Call): string {
  switch (call.stage) {
    case "incoming":
      return words.call.incoming;
    case "calling":
      return words.call.calling;
    case "ringing":
      return words.call.ringing;
    case "ended":
      return words.ending[call.ending ?? "hung-up"];
    case "talking":
      return call.heldHere ? words.call.held : call.heldThere ? words.call.heldThere : words.call.talking;
  }
}
