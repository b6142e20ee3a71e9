import { useState } from "react";
import { outcome } from "../../../api/client";
import { useWords } from "../../../i18n";
import { Field } from "../../../ui/field";
import { Form } from "../../../ui/form";
import { Notice } from "../../../ui/notice";
import { useForm } from "../../../ui/use-form";
import { NAME_CHARS_MAX } from "../accounts";
import { wrongFields } from "../new-password";
import { authorised, renew } from "../signed-in";
import { Part } from "./part";

/** What others see; whatever says it here knows at once. */
export function Name({ name }: { readonly name: string }) {
  const { settings: said, register } = useWords();
  const [isSaved, setIsSaved] = useState(false);
  const form = useForm(async (read) => {
    setIsSaved(false);
    const body = { name: read("name") };
    const { problem } = await outcome(authorised.POST("/api/identity/me/rename", { body }));
    if (problem !== null) return wrongFields(problem, { name: register.nameMissing });
    await renew();
    setIsSaved(true);
    return null;
  });
  return (
    <Part title={said.name} hint={said.nameHint}>
      <Form form={form} send={said.nameSave}>
        <Field
          label={register.name}
          name="name"
          autoComplete="name"
          defaultValue={name}
          maxLength={NAME_CHARS_MAX}
          wrong={form.of("name")}
        />
        {isSaved && <Notice>{said.nameSaved}</Notice>}
      </Form>
    </Part>
  );
}
