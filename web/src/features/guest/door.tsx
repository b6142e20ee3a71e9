import { type FormEvent, useState } from "react";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { ByGoogle } from "../by-google";
import type { Visiting } from "./visit-hook";

/** Characters of a name, as the API takes them. */
const NAME_MAX = 100;

type Props = Pick<Visiting, "enter" | "enterByGoogle" | "leave" | "isBusy"> & {
  readonly isElsewhere: boolean;
};

/** The name of who comes in, or Google's word for it (H-009), or the question whether to leave where they still are. */
export function Door({ enter, enterByGoogle, leave, isBusy, isElsewhere }: Props) {
  const { guest } = useWords();
  const [isMissing, setIsMissing] = useState(false);
  if (isElsewhere) {
    return (
      <Sheet title={guest.elsewhere} hint={guest.elsewhereHint}>
        <Button kind="main" className="w-full" onClick={() => void leave()}>
          {guest.leaveOther}
        </Button>
      </Sheet>
    );
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    setIsMissing(name === "");
    if (name !== "") void enter(name);
  }

  return (
    <Sheet title={guest.who} hint={guest.whoHint}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-5">
        <Field
          label={guest.nameLabel}
          name="name"
          autoComplete="name"
          maxLength={NAME_MAX}
          wrong={isMissing ? guest.nameMissing : null}
        />
        <Button kind="main" type="submit" disabled={isBusy}>
          {guest.start}
        </Button>
      </form>
      <ByGoogle label={guest.google} isBusy={isBusy} go={enterByGoogle} />
    </Sheet>
  );
}

export function Sheet({
  title,
  hint,
  children,
}: {
  readonly title: string;
  readonly hint: string;
  readonly children: React.ReactNode;
}) {
  return (
    <section className="sheet p-6 sm:p-8">
      <h2 className="text-xl font-bold">{title}</h2>
      <p className="mt-1.5 mb-6 leading-relaxed text-muted">{hint}</p>
      {children}
    </section>
  );
}
