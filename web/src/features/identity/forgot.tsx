/** A forgotten password (H-005): a letter is said to be on its way to whatever address, so that nobody learns who has an account. */
import { useState } from "react";
import { useSpoken } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { useForm } from "../../ui/use-form";
import { forget } from "./accounts";
import { Aside, Entry } from "./entry";
import { wrongFields } from "./new-password";

export default function Forgot() {
  const { words, language } = useSpoken();
  const { forgot: said, register, signIn, letter } = words;
  const [sentTo, setSentTo] = useState<string | null>(null);
  const form = useForm(async (read) => {
    const email = read("email").trim();
    if (!email.includes("@")) return { fields: { email: register.emailMissing } };
    const { problem } = await forget(email, language);
    if (problem !== null) return wrongFields(problem, { email: register.emailMissing });
    setSentTo(email);
    return null;
  });

  if (sentTo !== null) {
    return (
      <Entry key="sent" icon="letter" title={said.sent} hint={said.sentTo(sentTo)}>
        <p className="mt-6 text-muted">{register.notCome}</p>
        <Button className="mt-4 w-full" onClick={() => setSentTo(null)}>
          {register.again}
        </Button>
        <Aside href="/sign-in">{letter.signIn}</Aside>
      </Entry>
    );
  }
  return (
    <Entry key="form" title={said.title} hint={said.hint}>
      <Form form={form} send={said.submit}>
        <Field
          label={signIn.email}
          name="email"
          type="email"
          inputMode="email"
          autoComplete="username"
          required
          wrong={form.of("email")}
        />
      </Form>
      <Aside href="/sign-in">{letter.signIn}</Aside>
    </Entry>
  );
}
