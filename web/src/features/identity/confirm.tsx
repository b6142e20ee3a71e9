/** Where the letter of a registration leads (H-003): the account is made with the password that was chosen then. */
import { useState } from "react";
import { useWords } from "../../i18n";
import { Form } from "../../ui/form";
import { useForm } from "../../ui/use-form";
import { useArrived } from "../../use-arrived";
import { confirm } from "./accounts";
import { Aside, Entry, NoLetter, Onward } from "./entry";
import { PasswordField } from "./password-field";

type End = "done" | "already";

export default function Confirm() {
  const { no, token } = useArrived();
  return token === null ? <NoLetter href="/register" /> : <Asked key={no} token={token} />;
}

function Asked({ token }: { readonly token: string }) {
  const { confirm: said, signIn } = useWords();
  const [end, setEnd] = useState<End | null>(null);
  const form = useForm(async (read) => {
    const password = read("password");
    if (password === "") return { fields: { password: said.missing } };
    const { problem } = await confirm(token, password);
    if (problem === null) setEnd("done");
    else if (problem.status === 409) setEnd("already");
    else return problem.status === 401 ? { text: said.wrong } : { problem };
    return null;
  });

  if (end !== null) {
    const [title, hint] = end === "done" ? [said.done, said.doneHint] : [said.already, said.alreadyHint];
    return (
      <Entry key="end" icon="check" title={title} hint={hint}>
        <Onward href="/sign-in">{signIn.submit}</Onward>
      </Entry>
    );
  }
  return (
    <Entry key="form" title={said.title} hint={said.hint}>
      <Form form={form} send={said.submit}>
        <PasswordField label={signIn.password} wrong={form.of("password")} />
      </Form>
      {form.wrong?.text && <Aside href="/register">{said.registerAgain}</Aside>}
    </Entry>
  );
}
