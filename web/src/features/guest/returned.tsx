/** Where the provider of sign-ins sends a guest back to (decision 0074): they are led in, or told why not. */
import { useEffect, useState } from "react";
import { Redirect, useLocation } from "wouter";
import { sentence } from "../../api/problem";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { Shell } from "../../ui/shell";
import { type Answer, type Came, comeBack } from "./google";

export default function Returned({ answer }: { readonly answer: Answer }) {
  const words = useWords();
  const [, go] = useLocation();
  const [came, setCame] = useState<Came | null>(null);
  useEffect(() => {
    let isHere = true;
    void comeBack(answer).then((found) => isHere && setCame(found));
    return () => {
      isHere = false;
    };
  }, [answer]);
  if (came !== null && came.problem === null) return <Redirect to={came.door} replace />;
  return (
    <Shell title={words.guest.google}>
      <div className="mx-auto mt-24 flex max-w-lg flex-col items-start gap-5">
        {came === null || came.problem === null ? (
          <p role="status" className="self-center text-muted">
            {words.guest.googleBusy}
          </p>
        ) : (
          <>
            <Notice kind="danger">
              {came.problem.status === 401 ? words.guest.googleDenied : sentence(words, came.problem)}
            </Notice>
            <Button onClick={() => go(came.door, { replace: true })}>{words.app.back}</Button>
          </>
        )}
      </div>
    </Shell>
  );
}
