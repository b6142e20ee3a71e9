/** What the switch found wrong with the sound of a call (its diagnosis of each leg), in as many words as a person can act on. Pure. */

export type Verdict = "silent-side" | "nothing-came" | "nothing-arrived" | "poor-line";

const VERDICTS: Record<string, Verdict> = {
  silence: "silent-side",
  nothing_received: "nothing-came",
  no_handshake: "nothing-came",
  handshake_unfinished: "nothing-came",
  handshake_failed: "nothing-came",
  other_address: "nothing-came",
  other_port: "nothing-came",
  unproven: "nothing-came",
  stopped: "nothing-came",
  hears_nothing: "nothing-arrived",
  unreachable: "nothing-arrived",
  hears_with_loss: "poor-line",
  unsteady: "poor-line",
  poor: "poor-line",
};

/** In the order in which they are worth telling: nobody minds a poor line by which nothing came. */
const ORDER: readonly Verdict[] = ["nothing-came", "nothing-arrived", "silent-side", "poor-line"];

/** The gravest of a call's legs; null: nobody has noticed anything. */
export function verdict(legs: readonly { readonly diagnosis?: string | null }[]): Verdict | null {
  const found = legs.map(({ diagnosis }) => VERDICTS[diagnosis ?? ""]);
  return ORDER.find((one) => found.includes(one)) ?? null;
}
