/** What is one's own (H-032): name, language, password, Google, second factor, and where one is signed in. A picture has no door yet. */
import { Redirect } from "wouter";
import { useSpoken } from "../../i18n";
import { LANGUAGES, type Language } from "../../i18n/language";
import { Shell } from "../../ui/shell";
import { Google } from "./settings/google";
import { Name } from "./settings/name";
import { NewPassword } from "./settings/new-password";
import { Part } from "./settings/part";
import { Places } from "./settings/places";
import { Factor } from "./settings/second-factor";
import { StaffBar } from "./staff-bar";
import { useMe } from "./use-me";

export default function Settings() {
  const { words } = useSpoken();
  const { settings: said } = words;
  const me = useMe();
  if (me === null) return <Redirect to="/sign-in" replace />;
  const { person } = me;
  return (
    <Shell title={said.title} aside={<StaffBar me={me} />}>
      <div className="mx-auto mt-4 max-w-2xl sm:mt-8">
        <h1 className="text-3xl font-bold tracking-tight">{said.title}</h1>
        <p className="mt-2 text-muted wrap-anywhere">
          {[person.name, person.email].filter((one) => one != null).join(" · ")}
        </p>
        <div className="mt-8 flex flex-col gap-6">
          <Name name={person.name ?? ""} />
          <Spoken />
          {person.email != null && <NewPassword email={person.email} />}
          <Google />
          <Factor />
          <Places />
        </div>
      </div>
    </Shell>
  );
}

function Spoken() {
  const { language, words, speak } = useSpoken();
  const { settings: said } = words;
  return (
    <Part title={said.language} hint={said.languageHint}>
      <fieldset className="mt-5 flex flex-wrap gap-3">
        <legend className="sr-only">{said.language}</legend>
        {(Object.keys(LANGUAGES) as Language[]).map((one) => (
          <label
            key={one}
            lang={one}
            className="flex min-h-12 items-center gap-3 rounded-full border border-edge/60 px-5 font-semibold has-checked:border-brand has-checked:bg-brand-soft has-checked:text-brand has-focus-visible:outline-3 has-focus-visible:outline-offset-3 has-focus-visible:outline-brand"
          >
            <input
              type="radio"
              name="language"
              checked={one === language}
              onChange={() => speak(one)}
              className="size-4 accent-brand"
            />
            {LANGUAGES[one].name}
          </label>
        ))}
      </fieldset>
    </Part>
  );
}
