/** For guests who have come without a code's link: where to find one, and a place to type it. */
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Field } from "../../ui/field";
import { Shell } from "../../ui/shell";

export default function Enter() {
  const { enter } = useWords();
  const [, go] = useLocation();
  const [isMissing, setIsMissing] = useState(false);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    // What is pasted may be the whole link.
    const code = String(new FormData(event.currentTarget).get("code")).trim().split("/").at(-1) ?? "";
    setIsMissing(code === "");
    if (code !== "") go(`/g/${encodeURIComponent(code)}`);
  }

  return (
    <Shell title={enter.title}>
      <section className="mx-auto mt-[6vh] max-w-md sheet p-7 sm:p-10">
        <Code />
        <h1 className="mt-6 text-3xl font-bold tracking-tight">{enter.title}</h1>
        <p className="mt-2 leading-relaxed text-muted">{enter.hint}</p>
        <form onSubmit={submit} noValidate className="mt-8 flex flex-col gap-5">
          <Field
            label={enter.code}
            name="code"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            wrong={isMissing ? enter.missing : null}
          />
          <Button kind="main" type="submit">
            {enter.submit}
          </Button>
        </form>
      </section>
    </Shell>
  );
}

/** Something like a QR code in the corner of a camera's eye. */
function Code() {
  return (
    <svg
      viewBox="0 0 64 64"
      aria-hidden="true"
      className="size-16 text-brand"
      fill="none"
      stroke="currentColor"
      strokeWidth="3.500"
      strokeLinecap="round"
    >
      <path d="M4 18V8a4 4 0 0 1 4-4h10M46 4h10a4 4 0 0 1 4 4v10M60 46v10a4 4 0 0 1-4 4H46M18 60H8a4 4 0 0 1-4-4V46" />
      <path
        d="M18 18h10v10H18ZM36 18h10v10H36ZM18 36h10v10H18ZM36 36h.01M46 36h.01M36 46h.01M46 46h.01M41 41h.01"
        strokeLinejoin="round"
      />
    </svg>
  );
}
