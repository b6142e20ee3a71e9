/** Where the letter of an invitation leads (HX-23). Who has no account of the address yet makes one by accepting, and learns that only then. */
import { useEffect, useState } from "react";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { useForm, type Wrong } from "../../ui/use-form";
import { useArrived } from "../../use-arrived";
import { accept, NAME_CHARS_MAX, reject } from "./accounts";
import { Entry, NoLetter, Onward } from "./entry";
import { refused, wrongFields } from "./new-password";
import { NewPasswordField } from "./password-field";
import { renew } from "./signed-in";
import { useMe } from "./use-me";

type Step = "asked" | "account" | "joined" | "member" | "rejected" | "over";

export default function Invitation() {
  const { no, token } = useArrived();
  return token === null ? <NoLetter /> : <Asked key={no} token={token} />;
}

function Asked({ token }: { readonly token: string }) {
  const words = useWords();
  const { invitation: said, register, signIn, password: ofPassword } = words;
  const [step, setStep] = useState<Step>("asked");

  /** What an answer means, whichever door has given it. */
  function went(problem: Awaited<ReturnType<typeof accept>>["problem"], done: Step): Wrong | null {
    if (problem === null) setStep(done);
    else if (problem.status === 401) setStep("over");
    else if (problem.status === 409) setStep("member");
    else if (problem.status === 400 && step === "asked") setStep("account");
    else return wrongFields(problem, { name: register.nameMissing, password: ofPassword.wrong });
    return null;
  }

  const yes = useForm(async () => went((await accept(token)).problem, "joined"));
  const no = useForm(async () => went((await reject(token)).problem, "rejected"));
  const account = useForm(async (read) => {
    const [name, password] = [read("name").trim(), read("password")];
    const reason = refused(words, password);
    const wrong = [
      ...(name === "" ? [["name", register.nameMissing]] : []),
      ...(reason === null ? [] : [["password", reason]]),
    ];
    if (wrong.length > 0) return { fields: Object.fromEntries(wrong) };
    return went((await accept(token, { name, password })).problem, "joined");
  });

  switch (step) {
    case "asked":
      return (
        <Entry key={step} icon="letter" title={said.title} hint={said.hint}>
          <Form form={yes} send={said.accept}>
            {null}
          </Form>
          <Refusal form={no} />
        </Entry>
      );
    case "account":
      return (
        <Entry key={step} title={said.account} hint={said.accountHint}>
          <Form form={account} send={said.accept}>
            <Field
              label={register.name}
              hint={register.nameHint}
              name="name"
              autoComplete="name"
              maxLength={NAME_CHARS_MAX}
              required
              wrong={account.of("name")}
            />
            <NewPasswordField label={signIn.password} wrong={account.of("password")} />
          </Form>
        </Entry>
      );
    case "joined":
    case "member":
      return <Joined key={step} isNew={step === "joined"} />;
    case "rejected":
      return <Entry key={step} title={said.rejected} hint={said.rejectedHint} />;
    case "over":
      return <Entry key={step} title={said.over} hint={said.overHint} />;
  }
}

function Joined({ isNew }: { readonly isNew: boolean }) {
  const { invitation: said } = useWords();
  const isIn = useMe() !== null;
  // Who is signed in already belongs somewhere else than before.
  useEffect(() => void renew(), []);
  return (
    <Entry
      icon="check"
      title={isNew ? said.joined : said.member}
      {...(isIn ? {} : { hint: said.joinedHint })}
    >
      <Onward href={isIn ? "/phone" : "/sign-in"}>{isIn ? said.phone : said.signIn}</Onward>
    </Entry>
  );
}

function Refusal({ form }: { readonly form: ReturnType<typeof useForm> }) {
  const { invitation: said } = useWords();
  return (
    <form onSubmit={form.submit} className="mt-3 flex flex-col">
      <Button kind="quiet" type="submit" disabled={form.isBusy}>
        {said.reject}
      </Button>
    </form>
  );
}
