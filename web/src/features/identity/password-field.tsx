import { useState } from "react";
import { useWords } from "../../i18n";
import { Field } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { DEMANDS, type Demand, unmet } from "./password";

interface Props {
  readonly label: string;
  readonly name?: string;
  readonly wrong?: string | null;
  readonly autoFocus?: boolean;
}

/** A password that there is already. */
export function PasswordField({ label, name = "password", ...rest }: Props) {
  const [isShown, setIsShown] = useState(false);
  return (
    <Field
      label={label}
      name={name}
      type={isShown ? "text" : "password"}
      autoComplete="current-password"
      required
      beside={<Show isShown={isShown} show={setIsShown} />}
      {...rest}
    />
  );
}

/** One that there is to be, with the rule for it (H-004) as far as it is met. */
export function NewPasswordField({ label, name = "password", ...rest }: Props) {
  const [isShown, setIsShown] = useState(false);
  const [password, setPassword] = useState("");
  const open = unmet(password);
  return (
    <div className="flex flex-col gap-3">
      <Field
        label={label}
        name={name}
        type={isShown ? "text" : "password"}
        autoComplete="new-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        beside={<Show isShown={isShown} show={setIsShown} />}
        {...rest}
      />
      <Rule open={open} />
    </div>
  );
}

function Rule({ open }: { readonly open: readonly Demand[] }) {
  const { password: said } = useWords();
  return (
    <div className="text-sm">
      <p className="text-muted">{said.rule}</p>
      <ul className="mt-1.5 flex flex-wrap gap-x-4 gap-y-1.5">
        {DEMANDS.map((demand) => {
          const isMet = !open.includes(demand);
          return (
            <li
              key={demand}
              className={`flex items-center gap-1.5 ${isMet ? "font-semibold text-brand" : "text-muted"}`}
            >
              <Icon name={isMet ? "check" : "circle"} className="size-4" />
              {said[demand]}
              <span className="sr-only">, {isMet ? said.met : said.open}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Show({ isShown, show }: { readonly isShown: boolean; readonly show: (isShown: boolean) => void }) {
  const { signIn: said } = useWords();
  return (
    <button
      type="button"
      aria-pressed={isShown}
      aria-label={isShown ? said.hide : said.show}
      onClick={() => show(!isShown)}
      className="mr-1.5 grid size-10 place-items-center rounded-full text-muted hover:bg-brand-soft"
    >
      <Icon name={isShown ? "hide" : "show"} />
    </button>
  );
}
