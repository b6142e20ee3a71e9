/** Signing in by e-mail address and password, or with Google where the server has it (H-007, H-008), and by a code where the person has a second factor. */
import { useState } from "react";
import { Link, Redirect } from "wouter";
import { useWords } from "../../i18n";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { Notice } from "../../ui/notice";
import { useForm } from "../../ui/use-form";
import { ByGoogle } from "../by-google";
import { Aside, Entry } from "./entry";
import { goToGoogle } from "./google";
import { PasswordField } from "./password-field";
import { SecondStep } from "./second-step";
import { type Step, signIn } from "./signed-in";
import { useMe } from "./use-me";

export function SignIn() {
  const { signIn: said } = useWords();
  const [step, setStep] = useState<Step | null>(null);
  const form = useForm(async (read) => {
    const [email, password] = [read("email").trim(), read("password")];
    if (email === "" || password === "") return { text: said.missing };
    const { value, problem } = await signIn(email, password);
    if (value !== null && "token" in value) setStep(value);
    if (problem === null) return null;
    return problem.status === 401 || problem.status === 400 ? { text: said.wrong } : { problem };
  });
  if (useMe() !== null) return <Redirect to="/phone" replace />;

  if (step !== null) {
    return (
      <Entry key="code" title={said.title} hint={said.hint}>
        <SecondStep step={step} again={() => setStep(null)} />
      </Entry>
    );
  }
  return (
    <Entry key="password" title={said.title} hint={said.hint}>
      <Form form={form} send={form.isBusy ? said.busy : said.submit}>
        <Field
          label={said.email}
          name="email"
          type="email"
          autoComplete="username"
          inputMode="email"
          required
        />
        <div className="flex flex-col gap-2">
          <PasswordField label={said.password} />
          <Link
            href="/forgot-password"
            className="flex min-h-10 items-center self-end rounded text-sm font-semibold text-brand underline underline-offset-4"
          >
            {said.forgot}
          </Link>
        </div>
      </Form>
      <OtherWay />
      <Aside text={said.noAccount} href="/register">
        {said.toRegister}
      </Aside>
    </Entry>
  );
}

/** By Google's word. */
function OtherWay() {
  const { signIn: said, google } = useWords();
  const [isAway, setIsAway] = useState(false);
  const go = async () => {
    setIsAway(false);
    await goToGoogle("sign-in");
    setIsAway(true);
  };
  return (
    <ByGoogle label={said.google} go={go}>
      {isAway && <Notice kind="danger">{google.away}</Notice>}
    </ByGoogle>
  );
}
