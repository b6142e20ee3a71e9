/** Google as a way in beside the password (decision 0065): linked by a visit there and the password, unlinked by the password. */
import { useState } from "react";
import { type Outcome, outcome, type Schemas } from "../../../api/client";
import { hasGoogle } from "../../../api/ways-in";
import { useSpoken } from "../../../i18n";
import { type Language, moment, ZONE } from "../../../i18n/language";
import { Button } from "../../../ui/button";
import { Form } from "../../../ui/form";
import { Notice } from "../../../ui/notice";
import { useForm } from "../../../ui/use-form";
import { useQuestion } from "../../../ui/use-question";
import { forgetVisit } from "../../visit-to-google";
import { brought, goToGoogle } from "../google";
import { PasswordField } from "../password-field";
import { authorised, type Returned } from "../signed-in";
import { Part } from "./part";

/** `none`: there is no provider here, and nothing is linked. */
async function stand(): Promise<Outcome<Schemas["Link"] | "none">> {
  const [has, asked] = await Promise.all([hasGoogle(), outcome(authorised.GET("/api/identity/me/google"))]);
  if (asked.value === null || has || asked.value.linked_at != null) return asked;
  return { value: "none", problem: null };
}

const link = (body: Schemas["Linking"]): Promise<Outcome<unknown>> =>
  outcome(authorised.POST("/api/identity/me/google/link", { body }));

const unlink = (body: Schemas["Unlinking"]): Promise<Outcome<unknown>> =>
  outcome(authorised.POST("/api/identity/me/google/unlink", { body }));

type Step = { readonly at: "rest" | "unlink" } | { readonly at: "link"; readonly visit: Returned };

const REST: Step = { at: "rest" };

export function Google() {
  const { words } = useSpoken();
  const { settings: said } = words;
  const { answer, again } = useQuestion(stand);
  const [wrong, setWrong] = useState<string | null>(null);
  const [step, setStep] = useState<Step>(() => {
    const visit = brought();
    return visit === null ? REST : { at: "link", visit };
  });
  if (answer === null || answer === "none") return null;

  function rest(why: string | null = null) {
    forgetVisit();
    setWrong(why);
    setStep(REST);
    again();
  }

  return (
    <Part title={said.google} hint={said.googleHint}>
      {wrong !== null && (
        <div className="mt-5">
          <Notice kind="danger">{wrong}</Notice>
        </div>
      )}
      {step.at === "rest" && <Rest link={answer} unlink={() => setStep({ at: "unlink" })} wrong={setWrong} />}
      {step.at === "link" && (
        <Confirm
          send={said.googleLink}
          hint={said.googleCame}
          wrong={said.googleWrong}
          ask={(shown) => link({ visit: step.visit, ...shown })}
          done={rest}
        />
      )}
      {step.at === "unlink" && (
        <Confirm send={said.googleUnlink} wrong={said.wrongPassword} ask={unlink} done={rest} />
      )}
    </Part>
  );
}

interface RestProps {
  readonly link: Schemas["Link"];
  readonly unlink: () => void;
  readonly wrong: (why: string | null) => void;
}

function Rest({ link: { linked_at: since, has_password: hasPassword }, unlink, wrong }: RestProps) {
  const { words } = useSpoken();
  const { settings: said, google } = words;
  const isLinked = since != null;
  const go = async () => {
    wrong(null);
    await goToGoogle("link");
    wrong(google.away);
  };
  return (
    <div className="mt-5 flex flex-col items-start gap-4">
      <p role="status" className="font-semibold">
        {isLinked ? said.googleOn(moment(words, new Date(since), new Date(), ZONE)) : said.googleOff}
      </p>
      {!hasPassword && <Notice kind="warm">{said.noPassword}</Notice>}
      {hasPassword && isLinked && <Button onClick={unlink}>{said.googleUnlink}</Button>}
      {hasPassword && !isLinked && <Button onClick={() => void go()}>{said.googleLink}</Button>}
    </div>
  );
}

interface ConfirmProps {
  readonly send: string;
  readonly hint?: string;
  /** Said of a password that proves nothing. */
  readonly wrong: string;
  readonly ask: (said: { password: string; language: Language }) => Promise<Outcome<unknown>>;
  /** Back at rest, with why it came to nothing if it did. */
  readonly done: (why?: string) => void;
}

/** With the password, because whoever has found a browser that is signed in may not let themselves in for good. */
function Confirm({ send, hint, wrong, ask, done }: ConfirmProps) {
  const { words, language } = useSpoken();
  const { settings: said, confirm, app } = words;
  const form = useForm(async (read) => {
    const password = read("password");
    if (password === "") return { fields: { password: confirm.missing } };
    const { problem } = await ask({ password, language });
    if (problem?.status === 401) return { fields: { password: wrong } };
    if (problem !== null && problem.status !== 409) return { problem };
    done(problem === null ? undefined : said.googleTaken);
    return null;
  });
  const cancel = (
    <Button kind="quiet" onClick={() => done()}>
      {app.cancel}
    </Button>
  );
  return (
    <>
      {hint && <p className="mt-5 font-semibold">{hint}</p>}
      <Form form={form} send={send} beside={cancel}>
        <PasswordField label={said.passwordNow} wrong={form.of("password")} autoFocus />
      </Form>
    </>
  );
}
