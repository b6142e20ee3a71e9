import { outcome } from "../../api/client";
import { type Problem, sentence } from "../../api/problem";
import { useWords } from "../../i18n";
import type { Words } from "../../i18n/id";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Form } from "../../ui/form";
import { Notice } from "../../ui/notice";
import { useForm } from "../../ui/use-form";
import { authorised, type Me } from "../identity/signed-in";
import { may } from "../identity/use-me";

interface Props {
  readonly me: Me;
  readonly problem: Problem;
  readonly retry: () => void;
}

/** Why there is no phone, and who can do something about it: whoever may change telephony, here and now. */
export function Off({ me, problem, retry }: Props) {
  const words = useWords();
  const { why } = words.phone;
  const said = known(words, problem.code);
  if (said === null) {
    return (
      <div className="flex flex-col items-start gap-3">
        <Notice kind="danger">{sentence(words, problem)}</Notice>
        <Button onClick={retry}>{words.app.retry}</Button>
      </div>
    );
  }
  const isTheirs = problem.code === "NO_NUMBER" && may(me, "telephony.write");
  return (
    <section className="sheet p-7">
      <div role="status">
        <h2 className="text-xl font-bold">{said[0]}</h2>
        <p className="mt-2 leading-relaxed text-muted">{isTheirs ? why.noNumberOwn : said[1]}</p>
      </div>
      {isTheirs ? (
        <OwnNumber person={me.person.id} done={retry} />
      ) : (
        <Button className="mt-6" onClick={retry}>
          {why.again}
        </Button>
      )}
    </section>
  );
}

function OwnNumber({ person, done }: { readonly person: string; readonly done: () => void }) {
  const { why } = useWords().phone;
  const form = useForm(async (read) => {
    const number = read("number").trim();
    if (!/^[0-9]{2,6}$/.test(number)) return { fields: { number: why.numberWrong } };
    const asked = authorised.PUT("/api/telephony/numbers/{id}", {
      params: { path: { id: person }, header: { "If-None-Match": "*" } },
      body: { number },
    });
    const { problem } = await outcome(asked);
    if (problem === null) done();
    return problem?.status === 409 || problem?.status === 422
      ? { fields: { number: why.numberTaken } }
      : problem && { problem };
  });
  return (
    <Form form={form} send={why.take}>
      <Field
        label={why.number}
        hint={why.numberHint}
        name="number"
        inputMode="numeric"
        autoComplete="off"
        maxLength={6}
        wrong={form.of("number")}
      />
    </Form>
  );
}

/** What is not so, and what follows; null: it may be so the next time. */
function known({ phone: { why } }: Words, code: string): readonly [string, string] | null {
  switch (code) {
    case "NO_NUMBER":
      return [why.noNumber, why.noNumberHint];
    case "PHONE_SUSPENDED":
      return [why.suspended, why.suspendedHint];
    case "NO_SIP_DOMAIN":
      return [why.noDomain, why.noDomainHint];
    default:
      return null;
  }
}
