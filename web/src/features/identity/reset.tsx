/** Where the letter for a forgotten password leads (H-006). */
import { useState } from "react";
import { useWords } from "../../i18n";
import { Form } from "../../ui/form";
import { useForm } from "../../ui/use-form";
import { useArrived } from "../../use-arrived";
import { reset } from "./accounts";
import { Entry, NoLetter, Onward } from "./entry";
import { refused, wrongFields } from "./new-password";
import { NewPasswordField } from "./password-field";

export default function Reset() {
  const { no, token } = useArrived();
  return token === null ? <NoLetter href="/forgot-password" /> : <Asked key={no} token={token} />;
}

function Asked({ token }: { readonly token: string }) {
  const words = useWords();
  const { reset: said, password: ofPassword, letter, signIn } = words;
  const [end, setEnd] = useState<"done" | "over" | null>(null);
  const form = useForm(async (read) => {
    const password = read("password");
    const reason = refused(words, password);
    if (reason !== null) return { fields: { password: reason } };
    const { problem } = await reset(token, password);
    if (problem === null) setEnd("done");
    else if (problem.status === 401) setEnd("over");
    else return wrongFields(problem, { password: ofPassword.wrong });
    return null;
  });

  if (end === "over") {
    return (
      <Entry key="over" title={letter.over} hint={letter.overHint}>
        <Onward href="/forgot-password">{letter.ask}</Onward>
      </Entry>
    );
  }
  if (end === "done") {
    return (
      <Entry key="done" icon="check" title={said.done} hint={said.doneHint}>
        <Onward href="/sign-in">{signIn.submit}</Onward>
      </Entry>
    );
  }
  return (
    <Entry key="form" title={said.title} hint={said.hint}>
      <Form form={form} send={said.submit}>
        <NewPasswordField label={ofPassword.next} wrong={form.of("password")} />
      </Form>
    </Entry>
  );
}
