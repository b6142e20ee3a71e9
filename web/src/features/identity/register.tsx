/** An account of one's own (H-003): a letter confirms the address. The page says the same whether there is such an account or not. */
import { useState } from "react";
import { useSpoken } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { useForm } from "../../ui/use-form";
import { NAME_CHARS_MAX, register } from "./accounts";
import { Aside, Entry } from "./entry";
import { refused, wrongFields } from "./new-password";
import { NewPasswordField } from "./password-field";

export default function Register() {
  const { words, language } = useSpoken();
  const { register: said, signIn, password: ofPassword } = words;
  const [sentTo, setSentTo] = useState<string | null>(null);
  const reasons = { name: said.nameMissing, email: said.emailMissing, password: ofPassword.wrong };
  const form = useForm(async (read) => {
    const [name, email, password] = [read("name").trim(), read("email").trim(), read("password")];
    const wrong = [
      ...(name === "" ? [["name", said.nameMissing]] : []),
      ...(email.includes("@") ? [] : [["email", said.emailMissing]]),
      ...(refused(words, password) === null ? [] : [["password", refused(words, password)]]),
    ];
    if (wrong.length > 0) return { fields: Object.fromEntries(wrong) };
    const { problem } = await register({ name, email, password, language });
    if (problem !== null) return wrongFields(problem, reasons);
    setSentTo(email);
    return null;
  });

  if (sentTo !== null) {
    return (
      <Entry key="sent" icon="letter" title={said.sent} hint={said.sentTo(sentTo)}>
        <p className="mt-6 text-muted">{said.notCome}</p>
        <Button className="mt-4 w-full" onClick={() => setSentTo(null)}>
          {said.again}
        </Button>
        <Aside href="/sign-in">{said.toSignIn}</Aside>
      </Entry>
    );
  }
  return (
    <Entry key="form" title={said.title} hint={said.hint}>
      <Form form={form} send={said.submit}>
        <Field
          label={said.name}
          hint={said.nameHint}
          name="name"
          autoComplete="name"
          maxLength={NAME_CHARS_MAX}
          required
          wrong={form.of("name")}
        />
        <Field
          label={signIn.email}
          name="email"
          type="email"
          inputMode="email"
          autoComplete="username"
          required
          wrong={form.of("email")}
        />
        <NewPasswordField label={signIn.password} wrong={form.of("password")} />
      </Form>
      <Aside text={said.hasAccount} href="/sign-in">
        {said.toSignIn}
      </Aside>
    </Entry>
  );
}
