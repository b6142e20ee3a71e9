import { useEffect, useState } from "react";
import { outcome } from "../../api/client";
import { type Verdict, verdict } from "../../softphone/audio/verdict";
import { authorised } from "../identity/signed-in";

/** Milliseconds until the switch has written down what a call that is over was like. */
const WRITTEN = 3_000;

/** What the switch says of the sound of that call, once it is over. Null without one, and for who may not read the record. */
export function useVerdict(call: string | null): Verdict | null {
  const [said, setSaid] = useState<Verdict | null>(null);
  useEffect(() => {
    setSaid(null);
    if (call === null) return;
    let isHere = true;
    const timer = setTimeout(async () => {
      const asked = authorised.GET("/api/telephony/calls/{id}", { params: { path: { id: call } } });
      const { value } = await outcome(asked);
      if (isHere && value !== null) setSaid(verdict(value.quality));
    }, WRITTEN);
    return () => {
      isHere = false;
      clearTimeout(timer);
    };
  }, [call]);
  return said;
}
