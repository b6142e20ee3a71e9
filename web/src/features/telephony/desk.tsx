/** The telephone itself: calls that go on, the one that rings first, and a dial when there is room for another. */
import { type FormEvent, useState } from "react";
import { useWords } from "../../i18n";
import type { Softphone } from "../../softphone/phone";
import { CALLS_MAX, type Call, live, type State } from "../../softphone/state";
import { CallCard, who } from "../../softphone/view/call-card";
import { Devices } from "../../softphone/view/devices";
import { Keypad } from "../../softphone/view/keypad";
import { Button, Round } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { TransferSheet } from "./transfer-sheet";

interface Props {
  readonly phone: Softphone | null;
  readonly state: State;
}

const RANK: Record<Call["stage"], number> = { incoming: 0, talking: 1, ringing: 2, calling: 2, ended: 3 };

export function Desk({ phone, state }: Props) {
  const calls = [...state.calls].sort((a, b) => RANK[a.stage] - RANK[b.stage]);
  const isFree = live(state).length === 0;
  return (
    <>
      {phone !== null && calls.map((call) => <Talk key={call.id} call={call} phone={phone} state={state} />)}
      {isFree && <Dial phone={phone} isReady={state.link === "ready" && state.calls.length < CALLS_MAX} />}
      <Devices phone={phone} />
    </>
  );
}

function Talk({ call, phone, state }: Props & { readonly call: Call; readonly phone: Softphone }) {
  const words = useWords();
  const [isSendingOn, setIsSendingOn] = useState(false);
  const first = state.calls.find((one) => one.id === call.consultsFor && one.stage === "talking");
  return (
    <CallCard
      call={call}
      phone={phone}
      keys={
        <>
          <Round
            icon={call.heldHere ? "play" : "pause"}
            tone={call.heldHere ? "on" : "plain"}
            label={call.heldHere ? words.call.resume : words.call.hold}
            aria-pressed={call.heldHere}
            onClick={() => phone.hold(call.id, !call.heldHere)}
          />
          {first === undefined && (
            <Round
              icon="transfer"
              tone={isSendingOn ? "on" : "plain"}
              label={words.call.transfer}
              aria-expanded={isSendingOn}
              onClick={() => setIsSendingOn(!isSendingOn)}
            />
          )}
        </>
      }
    >
      {first !== undefined && call.stage === "talking" && (
        <Button kind="main" icon="transfer" className="mt-5" onClick={() => phone.connect(call.id)}>
          {words.call.connect(who(first))}
        </Button>
      )}
      {call.transfer !== null && (
        <div className="mt-5 text-left">
          <Notice kind={call.transfer.stage === "failed" ? "danger" : "calm"}>
            {said(words.phone, call.transfer)}
          </Notice>
        </div>
      )}
      {isSendingOn && call.stage === "talking" && (
        <TransferSheet call={call} phone={phone} done={() => setIsSendingOn(false)} />
      )}
    </CallCard>
  );
}

function said(
  words: ReturnType<typeof useWords>["phone"],
  { to, stage }: NonNullable<Call["transfer"]>,
): string {
  return { asked: words.transferAsked, ringing: words.transferRinging, failed: words.transferFailed }[stage](
    to,
  );
}

function Dial({ phone, isReady }: { readonly phone: Softphone | null; readonly isReady: boolean }) {
  const words = useWords();
  const [number, setNumber] = useState("");

  function call(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (phone === null || number === "") return;
    void phone.call(number);
    setNumber("");
  }

  return (
    <form onSubmit={call} className="sheet p-6 sm:p-8">
      <div className="mb-5 flex items-center border-b-2 border-line focus-within:border-brand">
        <input
          aria-label={`${words.phone.dial}: ${words.phone.dialHint}`}
          placeholder={words.phone.dialHint}
          value={number}
          onChange={(event) => setNumber(event.target.value.replace(/[^0-9*#+]/g, ""))}
          inputMode="tel"
          autoComplete="off"
          className="min-w-0 flex-1 bg-transparent py-2 text-center text-2xl font-semibold tracking-wide outline-none placeholder:text-base placeholder:font-normal placeholder:tracking-normal placeholder:text-muted"
        />
        {number !== "" && (
          <button
            type="button"
            aria-label={words.phone.erase}
            onClick={() => setNumber(number.slice(0, -1))}
            className="grid size-11 place-items-center rounded-full text-muted hover:bg-brand-soft"
          >
            <Icon name="erase" />
          </button>
        )}
      </div>
      <Keypad press={(key) => setNumber((before) => before + key)} />
      <Button
        kind="main"
        type="submit"
        icon="phone"
        className="mt-6 w-full"
        disabled={!isReady || number === ""}
      >
        {words.phone.call}
      </Button>
    </form>
  );
}
