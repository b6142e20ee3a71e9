/** The code of one's phone beside the password (decision 0064): turned on with a QR code and a first code, off with the password and another. */
import { useState } from "react";
import type { Outcome } from "../../../api/client";
import { outcome, type Schemas } from "../../../api/client";
import { sentence } from "../../../api/problem";
import { useSpoken, useWords } from "../../../i18n";
import { moment, ZONE } from "../../../i18n/language";
import { Button } from "../../../ui/button";
import { Field } from "../../../ui/field";
import { Form } from "../../../ui/form";
import { Notice } from "../../../ui/notice";
import { useForm, type Wrong } from "../../../ui/use-form";
import { useQuestion } from "../../../ui/use-question";
import { PasswordField } from "../password-field";
import { authorised } from "../signed-in";
import { Part } from "./part";
import { RecoveryCodes } from "./recovery-codes";

interface Stand {
  readonly factor: Schemas["SecondFactor"];
  readonly hasPassword: boolean;
}

async function stand(): Promise<Outcome<Stand>> {
  const [factor, google] = await Promise.all([
    outcome(authorised.GET("/api/identity/me/second-factor")),
    outcome(authorised.GET("/api/identity/me/google")),
  ]);
  if (factor.value === null) return factor;
  if (google.value === null) return google;
  return { value: { factor: factor.value, hasPassword: google.value.has_password }, problem: null };
}

type Step =
  | { readonly at: "rest" | "password" | "off" }
  | { readonly at: "code"; readonly begun: Schemas["Begun"] }
  | { readonly at: "recovery"; readonly codes: readonly string[] };

const REST: Step = { at: "rest" };

export function Factor() {
  const words = useWords();
  const { settings: said, app } = words;
  const { answer, problem, again } = useQuestion(stand);
  const [step, setStep] = useState<Step>(REST);
  const rest = () => {
    setStep(REST);
    again();
  };
  return (
    <Part title={said.factor} hint={said.factorHint}>
      {answer === null && problem === null && (
        <p role="status" className="mt-5 text-muted">
          {app.loading}
        </p>
      )}
      {answer === null && problem !== null && (
        <div className="mt-5 flex flex-col items-start gap-4">
          <Notice kind="danger">{sentence(words, problem)}</Notice>
          <Button onClick={again}>{app.retry}</Button>
        </div>
      )}
      {answer !== null && step.at === "rest" && <Rest stand={answer} go={setStep} />}
      {step.at === "password" && <Begin go={setStep} back={() => setStep(REST)} />}
      {step.at === "code" && <Scan begun={step.begun} go={setStep} back={() => setStep(REST)} />}
      {step.at === "recovery" && <RecoveryCodes codes={step.codes} done={rest} />}
      {step.at === "off" && <TurnOff done={rest} back={() => setStep(REST)} />}
    </Part>
  );
}

function Rest({
  stand: { factor, hasPassword },
  go,
}: {
  readonly stand: Stand;
  readonly go: (step: Step) => void;
}) {
  const { words } = useSpoken();
  const { settings: said } = words;
  const since = factor.confirmed_at;
  if (since != null) {
    const when = moment(words, new Date(since), new Date(), ZONE);
    return (
      <div className="mt-5 flex flex-col items-start gap-4">
        <p role="status" className="font-semibold">
          {said.factorOn(when, factor.recovery_codes_left)}
        </p>
        <Button onClick={() => go({ at: "off" })}>{said.turnOff}</Button>
      </div>
    );
  }
  return (
    <div className="mt-5 flex flex-col items-start gap-4">
      <p role="status" className="font-semibold">
        {said.factorOff}
      </p>
      {hasPassword ? (
        <Button onClick={() => go({ at: "password" })}>{said.turnOn}</Button>
      ) : (
        <Notice kind="warm">{said.noPassword}</Notice>
      )}
    </div>
  );
}

interface StepProps {
  readonly go: (step: Step) => void;
  readonly back: () => void;
}

function Begin({ go, back }: StepProps) {
  const { settings: said, confirm } = useWords();
  const form = useForm(async (read) => {
    const password = read("password");
    if (password === "") return { fields: { password: confirm.missing } };
    const asked = authorised.POST("/api/identity/me/second-factor", { body: { password } });
    const { value, problem } = await outcome(asked);
    if (value !== null) go({ at: "code", begun: value });
    return wrong(problem, { password: said.wrongPassword });
  });
  return (
    <Form form={form} send={said.go} beside={<Back back={back} />}>
      <PasswordField label={said.passwordNow} wrong={form.of("password")} autoFocus />
    </Form>
  );
}

function Scan({ begun, go, back }: StepProps & { readonly begun: Schemas["Begun"] }) {
  const { words, language } = useSpoken();
  const { settings: said, signIn } = words;
  const form = useForm(async (read) => {
    const code = read("code").trim();
    if (code === "") return { fields: { code: signIn.codeMissing } };
    const asked = authorised.POST("/api/identity/me/second-factor/confirm", { body: { code, language } });
    const { value, problem } = await outcome(asked);
    if (value !== null) go({ at: "recovery", codes: value.recovery_codes });
    return wrong(problem, { code: said.wrongCode });
  });
  return (
    <div className="mt-6">
      <div className="flex flex-col gap-6 sm:flex-row">
        <img
          src={`data:image/svg+xml,${encodeURIComponent(begun.qr_svg)}`}
          alt={said.qr}
          className="size-52 self-center rounded-2xl bg-white p-2 sm:self-start"
        />
        <div className="min-w-0 flex-1">
          <p className="font-semibold">{said.scan}</p>
          <p className="mt-3 text-muted">{said.scanHint}</p>
          <code className="mt-1 block font-mono text-lg font-semibold tracking-wide wrap-anywhere select-all">
            {begun.secret.replace(/(.{4})(?=.)/g, "$1 ")}
          </code>
        </div>
      </div>
      <Form form={form} send={said.confirm} beside={<Back back={back} />}>
        <Field
          label={said.codeFrom}
          hint={said.codeHint}
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
          required
          autoFocus
          wrong={form.of("code")}
        />
      </Form>
    </div>
  );
}

function TurnOff({ done, back }: { readonly done: () => void; readonly back: () => void }) {
  const { words, language } = useSpoken();
  const { settings: said, signIn, confirm } = words;
  const form = useForm(async (read) => {
    const [password, code] = [read("password"), read("code").trim()];
    const missing = [
      ...(password === "" ? [["password", confirm.missing]] : []),
      ...(code === "" ? [["code", signIn.codeMissing]] : []),
    ];
    if (missing.length > 0) return { fields: Object.fromEntries(missing) };
    const body = { password, code, language };
    const { problem } = await outcome(authorised.POST("/api/identity/me/second-factor/turn-off", { body }));
    if (problem === null) done();
    return problem?.status === 401 ? { text: said.wrongEither } : wrong(problem, {});
  });
  return (
    <Form form={form} send={said.turnOff} beside={<Back back={back} />}>
      <PasswordField label={said.passwordNow} wrong={form.of("password")} autoFocus />
      <Field
        label={signIn.code}
        hint={said.codeOffHint}
        name="code"
        autoComplete="one-time-code"
        autoCapitalize="none"
        required
        wrong={form.of("code")}
      />
    </Form>
  );
}

function Back({ back }: { readonly back: () => void }) {
  const { app } = useWords();
  return (
    <Button kind="quiet" onClick={back}>
      {app.cancel}
    </Button>
  );
}

/** What a problem says of these fields: that what was typed is not right. */
function wrong(problem: Outcome<unknown>["problem"], fields: Record<string, string>): Wrong | null {
  if (problem === null) return null;
  return problem.status === 401 ? { fields } : { problem };
}
