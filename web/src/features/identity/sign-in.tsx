/** Signing in by e-mail address and password (H-007, H-008), and by a code where the person has a second factor. Signing in with Google has no view yet. */
import { type FormEvent, useState } from "react";
import { Redirect } from "wouter";
import { type Problem, sentence } from "../../api/problem";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Notice } from "../../ui/notice";
import { Shell } from "../../ui/shell";
import { type Step, signIn, signInByCode } from "./signed-in";
import { useMe } from "./use-me";

type Wrong = Problem | "missing" | null;

export function SignIn() {
  const words = useWords();
  const { signIn: said } = words;
  const [isBusy, setIsBusy] = useState(false);
  const [isShown, setIsShown] = useState(false);
  const [wrong, setWrong] = useState<Wrong>(null);
  const [step, setStep] = useState<Step | null>(null);
  if (useMe() !== null) return <Redirect to="/phone" replace />;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const read = (name: string) => String(form.get(name) ?? "").trim();
    setIsBusy(true);
    setWrong(
      await (step === null
        ? first(read("email"), String(form.get("password") ?? ""))
        : second(step, read("code"))),
    );
    setIsBusy(false);
  }

  async function first(email: string, password: string): Promise<Wrong> {
    if (email === "" || password === "") return "missing";
    const { value, problem } = await signIn(email, password);
    if (value !== null && "token" in value) setStep(value);
    return problem;
  }

  async function second(before: Step, code: string): Promise<Wrong> {
    if (code === "") return "missing";
    return (await signInByCode(before, code)).problem;
  }

  return (
    <Shell title={said.title}>
      <section className="mx-auto mt-[6vh] max-w-md sheet p-7 sm:p-10">
        <h1 className="text-3xl font-bold tracking-tight">{said.title}</h1>
        <p className="mt-2 text-muted">{said.hint}</p>
        <form onSubmit={submit} noValidate className="mt-8 flex flex-col gap-5">
          {step === null ? (
            <>
              <Field
                label={said.email}
                name="email"
                type="email"
                autoComplete="username"
                inputMode="email"
                required
              />
              <Field
                label={said.password}
                name="password"
                type={isShown ? "text" : "password"}
                autoComplete="current-password"
                required
                beside={<Show isShown={isShown} show={setIsShown} />}
              />
            </>
          ) : (
            <Field
              label={said.code}
              hint={said.codeHint}
              name="code"
              autoComplete="one-time-code"
              autoCapitalize="none"
              autoFocus
              required
            />
          )}
          {wrong !== null && <Notice kind="danger">{reason(wrong)}</Notice>}
          <Button kind="main" type="submit" disabled={isBusy}>
            {isBusy ? said.busy : said.submit}
          </Button>
          {step !== null && (
            <Button kind="quiet" type="button" onClick={again}>
              {said.again}
            </Button>
          )}
        </form>
      </section>
    </Shell>
  );

  function again() {
    setStep(null);
    setWrong(null);
  }

  function reason(what: NonNullable<Wrong>): string {
    if (what === "missing") return step === null ? said.missing : said.codeMissing;
    const isRefused = what.status === 401 || what.status === 400;
    if (!isRefused) return sentence(words, what);
    return step === null ? said.wrong : said.codeWrong;
  }
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
      <svg
        viewBox="0 0 24 24"
        aria-hidden="true"
        className="size-5"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
      >
        <path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12Z" />
        <circle cx="12" cy="12" r="2.800" />
        {isShown && <path d="m4 4 16 16" />}
      </svg>
    </button>
  );
}
