import { useState } from "react";
import { useWords } from "../../i18n";
import type { Softphone } from "../../softphone/phone";
import type { Call } from "../../softphone/state";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { dialled, type Target, targets } from "./targets";
import { useOpenExtensions } from "./use-open-extensions";

interface Props {
  readonly call: Call;
  readonly phone: Softphone;
  readonly done: () => void;
}

/** To whom a call is sent on, at once or after a word with them: an extension that is open now (H-034), or any number. */
export function TransferSheet({ call, phone, done }: Props) {
  const { phone: said, app } = useWords();
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<string | null>(null);
  const { found, hasMore, isUnknown } = useOpenExtensions(typed);
  const offered = targets(typed, found ?? []);
  const isOffered = offered.some((one) => one.number === picked);
  const to = (isOffered ? picked : null) ?? dialled(typed);
  return (
    <fieldset className="mt-6 rounded-2xl bg-ground p-4 text-left">
      <legend className="sr-only">{said.transferTitle}</legend>
      <Field
        label={said.transferTo}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setPicked(null);
        }}
        autoComplete="off"
        autoFocus
        beside={<Icon name="search" className="mr-4 size-5 text-muted" />}
      />
      <p id="transfer-targets" className="mt-4 mb-1.5 text-sm font-semibold text-muted">
        {said.transferPick}
      </p>
      {offered.length > 0 && <Targets offered={offered} to={to} pick={setPicked} />}
      <p role="status" className="px-1 text-sm text-muted empty:hidden">
        {isUnknown
          ? said.transferUnknown
          : found === null
            ? app.loading
            : hasMore
              ? said.transferMore
              : offered.length === 0 && said.transferNone}
      </p>
      <div className="mt-4 flex flex-wrap gap-2">
        <Button
          kind="main"
          className="grow"
          disabled={to === null}
          onClick={() => {
            if (to !== null) phone.transfer(call.id, to);
            done();
          }}
        >
          {said.transferNow}
        </Button>
        <Button
          className="grow"
          disabled={to === null}
          onClick={() => {
            if (to !== null) void phone.consult(call.id, to);
            done();
          }}
        >
          {said.transferAsk}
        </Button>
        <Button kind="quiet" className="grow" onClick={done}>
          {app.cancel}
        </Button>
      </div>
    </fieldset>
  );
}

interface TargetsProps {
  readonly offered: readonly Target[];
  readonly to: string | null;
  readonly pick: (number: string) => void;
}

function Targets({ offered, to, pick }: TargetsProps) {
  const { phone: said } = useWords();
  return (
    <ul aria-labelledby="transfer-targets" className="-mx-1 max-h-64 overflow-y-auto p-1">
      {offered.map(({ number, name }) => (
        <li key={number}>
          <button
            type="button"
            aria-pressed={to === number}
            onClick={() => pick(number)}
            className={`flex min-h-11 w-full items-center gap-3 rounded-xl px-3 py-2 text-left font-semibold ${to === number ? "bg-brand text-on-brand" : "hover:bg-brand-soft"}`}
          >
            <span className="min-w-0 flex-1 wrap-anywhere">{name ?? said.transferNumber(number)}</span>
            {name !== null && <span className="shrink-0 font-normal tabular-nums">{number}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
