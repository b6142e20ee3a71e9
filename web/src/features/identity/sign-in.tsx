/** Signing in by e-mail address and password, or with Google where the server has it (H-007, H-008), and by a code where the person has a second factor. */
import { useEffect, useState } from "react";
import { Link, Redirect } from "wouter";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { Notice } from "../../ui/notice";
import { useForm } from "../../ui/use-form";
import { Aside, Entry } from "./entry";
import { goToGoogle, hasGoogle } from "./google";
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
            className="self-end rounded text-sm font-semibold text-brand underline underline-offset-4"
          >
            {said.forgot}
          </Link>
        </div>
      </Form>
      <Google />
      <Aside text={said.noAccount} href="/register">
        {said.toRegister}
      </Aside>
    </Entry>
  );
}

/** The other way in, only where there is one. */
function Google() {
  const { signIn: said, google } = useWords();
  const [has, setHas] = useState(false);
  const [isAway, setIsAway] = useState(false);
  useEffect(() => {
    let isHere = true;
    void hasGoogle().then((found) => isHere && setHas(found));
    return () => {
      isHere = false;
    };
  }, []);
  if (!has) return null;
  return (
    <div className="mt-6 flex flex-col gap-4">
      <p className="flex items-center gap-4 text-sm text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        {said.or}
      </p>
      {isAway && <Notice kind="danger">{google.away}</Notice>}
      <Button
        onClick={async () => {
          setIsAway(false);
          await goToGoogle();
          setIsAway(true);
        }}
      >
        <Letter />
        {said.google}
      </Button>
    </div>
  );
}

/** Google's own letter, in its colours (their branding guidelines want it so). */
function Letter() {
  return (
    <svg viewBox="0 0 48 48" aria-hidden="true" className="size-5 shrink-0">
      <path
        fill="#EA4335"
        d="M24 9.500c3.540 0 6.710 1.220 9.210 3.600l6.850-6.850C35.900 2.380 30.470 0 24 0 14.620 0 6.510 5.380 2.560 13.220l7.980 6.190C12.430 13.720 17.740 9.500 24 9.500z"
      />
      <path
        fill="#4285F4"
        d="M46.980 24.550c0-1.570-.150-3.090-.380-4.550H24v9.020h12.940c-.580 2.960-2.260 5.480-4.780 7.180l7.730 6c4.510-4.180 7.090-10.360 7.090-17.650z"
      />
      <path
        fill="#FBBC05"
        d="M10.530 28.590c-.480-1.450-.760-2.990-.760-4.590s.270-3.140.760-4.590l-7.980-6.190C.920 16.460 0 20.120 0 24c0 3.880.920 7.540 2.560 10.780l7.970-6.190z"
      />
      <path
        fill="#34A853"
        d="M24 48c6.480 0 11.930-2.130 15.890-5.810l-7.730-6c-2.150 1.450-4.920 2.300-8.160 2.300-6.260 0-11.570-4.220-13.470-9.910l-7.980 6.190C6.510 42.620 14.620 48 24 48z"
      />
    </svg>
  );
}
