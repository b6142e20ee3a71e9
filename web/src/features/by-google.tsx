/** The other way in, only where the server has it. */
import { type ReactNode, useEffect, useState } from "react";
import { hasGoogle } from "../api/ways-in";
import { useWords } from "../i18n";
import { Button } from "../ui/button";
import { Google } from "../ui/mark";

interface Props {
  readonly label: string;
  readonly isBusy?: boolean;
  readonly go: () => Promise<void>;
  /** What went wrong before. */
  readonly children?: ReactNode;
}

export function ByGoogle({ label, isBusy = false, go, children }: Props) {
  const { signIn: said } = useWords();
  const [has, setHas] = useState(false);
  useEffect(() => {
    let isHere = true;
    void hasGoogle().then((found) => isHere && setHas(found));
    return () => {
      isHere = false;
    };
  }, []);
  if (!has) return null;
  return (
    <div className="mt-6 flex flex-col gap-4">
      <p className="flex items-center gap-4 text-sm text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        {said.or}
      </p>
      {children}
      <Button disabled={isBusy} onClick={() => void go()}>
        <Google />
        {label}
      </Button>
    </div>
  );
}
