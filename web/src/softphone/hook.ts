/** The phone for React: the state as it is, of one phone for as long as a page wants it. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { type Account, Softphone } from "./phone";
import { IDLE, type State } from "./state";

/** A phone by that account while there is one; it is started and stopped with the component. Keep the account's object: another one is another phone. */
export function useSoftphone(account: Account | null): [Softphone | null, State] {
  const [phone, setPhone] = useState<Softphone | null>(null);
  useEffect(() => {
    if (account === null) return;
    const made = new Softphone(account);
    made.start();
    setPhone(made);
    return () => {
      made.stop();
      setPhone(null);
    };
  }, [account]);
  const state = useSyncExternalStore(phone?.subscribe ?? never, phone?.state ?? idle);
  return [phone, state];
}

const never = () => () => undefined;
const idle = () => IDLE;
