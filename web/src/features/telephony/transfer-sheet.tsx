import { useState } from "react";
import { useWords } from "../../i18n";
import type { Softphone } from "../../softphone/phone";
import type { Call } from "../../softphone/state";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import type { Office } from "./use-office";

interface Props {
  readonly call: Call;
  readonly phone: Softphone;
  readonly office: Office;
  readonly done: () => void;
}

/** To whom a call is sent on, at once or after a word with them. */
export function TransferSheet({ call, phone, office, done }: Props) {
  const { phone: said, app } = useWords();
  const [to, setTo] = useState("");
  return (
    <fieldset className="mt-6 rounded-2xl bg-ground p-4 text-left">
      <legend className="sr-only">{said.transferTitle}</legend>
      {office.extensions.length > 0 && (
        <>
          <p className="mb-2 text-sm font-semibold text-muted">{said.transferPick}</p>
          <div className="mb-4 flex flex-wrap gap-2">
            {office.extensions.map(({ id, number, name }) => (
              <button
                key={id}
                type="button"
                aria-pressed={to === number}
                onClick={() => setTo(number)}
                className={`min-h-10 rounded-full border px-4 text-sm font-semibold ${to === number ? "border-brand bg-brand text-on-brand" : "border-edge/60 hover:border-brand"}`}
              >
                {name} <span className="font-normal opacity-80">{number}</span>
              </button>
            ))}
          </div>
        </>
      )}
      <Field
        label={said.transferTo}
        value={to}
        onChange={(event) => setTo(event.target.value.replace(/[^0-9*#+]/g, ""))}
        inputMode="tel"
        autoComplete="off"
      />
      <div className="mt-4 flex flex-wrap gap-2">
        <Button
          kind="main"
          disabled={to === ""}
          onClick={() => {
            phone.transfer(call.id, to);
            done();
          }}
        >
          {said.transferNow}
        </Button>
        <Button
          disabled={to === ""}
          onClick={() => {
            void phone.consult(call.id, to);
            done();
          }}
        >
          {said.transferAsk}
        </Button>
        <Button kind="quiet" onClick={done}>
          {app.cancel}
        </Button>
      </div>
    </fieldset>
  );
}
