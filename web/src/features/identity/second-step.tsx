import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { useForm } from "../../ui/use-form";
import { type Step, signInByCode } from "./signed-in";

/** The code that has to follow a password or Google, where the person has a second factor. */
export function SecondStep({ step, again }: { readonly step: Step; readonly again: () => void }) {
  const { signIn: said } = useWords();
  const form = useForm(async (read) => {
    const code = read("code").trim();
    if (code === "") return { fields: { code: said.codeMissing } };
    const { problem } = await signInByCode(step, code);
    if (problem === null) return null;
    return problem.status === 401 || problem.status === 400 ? { text: said.codeWrong } : { problem };
  });
  return (
    <Form
      form={form}
      send={form.isBusy ? said.busy : said.submit}
      beside={
        <Button kind="quiet" onClick={again}>
          {said.again}
        </Button>
      }
    >
      <Field
        label={said.code}
        hint={said.codeHint}
        name="code"
        autoComplete="one-time-code"
        autoCapitalize="none"
        autoFocus
        required
        wrong={form.of("code")}
      />
    </Form>
  );
}
