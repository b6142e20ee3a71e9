/**
 * What the switch finds wrong with the sound of a call (its diagnosis of each leg), in as many words as a person can act on: of a call that is
 * over by its record, and of one that goes on by what the switch tells this page within it (decision 0075). Pure.
 */
import type { Hint } from "../state";

/** What the switch tells a page that asks for it, by the name that both know (RFC 6086). */
export const PACKAGE = "sambung-sound";
/** Characters of the longest word of the switch that is read. */
export const TOLD_MAX = 256;

export type Verdict = "silent-side" | "nothing-came" | "nothing-arrived" | "poor-line";

const VERDICTS = new Map<unknown, Verdict>([
  ["silence", "silent-side"],
  ...of("nothing-came", [
    "ice_not_checked ice_nothing_chosen ice_consent_lost keys_missing no_handshake handshake_unfinished handshake_failed",
    "other_fingerprint unauthentic replayed other_address other_port unproven unsteady other_ssrc not_rtp too_long",
    "unusable_address private_address nothing_received stopped other_format",
  ]),
  ...of("nothing-arrived", ["no_address loop unreachable unsealed hears_nothing"]),
  ...of("poor-line", ["hears_with_loss poor"]),
]);

/** In the order in which they are worth telling: nobody minds a poor line by which nothing came. */
const ORDER: readonly Verdict[] = ["nothing-came", "nothing-arrived", "silent-side", "poor-line"];

/** What that means to whoever is on this leg. A microphone that is silent here the browser hears itself, and knows whether it is meant to be. */
const HERE: Record<Verdict, Hint | null> = {
  "nothing-came": "nothing-sent",
  "nothing-arrived": "nothing-heard",
  "silent-side": null,
  "poor-line": "poor-line",
};

/** And to whoever talks with them. */
const THERE: Record<Verdict, Hint> = {
  "nothing-came": "nothing-comes",
  "nothing-arrived": "unheard-there",
  "silent-side": "silent-there",
  "poor-line": "poor-line-there",
};

function of(verdict: Verdict, words: readonly string[]): [string, Verdict][] {
  return words.flatMap((line) => line.split(" ")).map((word) => [word, verdict]);
}

/** The gravest of a call's legs; null: nobody has noticed anything. */
export function verdict(legs: readonly { readonly diagnosis?: string | null }[]): Verdict | null {
  const found = legs.map(({ diagnosis }) => VERDICTS.get(diagnosis));
  return ORDER.find((one) => found.includes(one)) ?? null;
}

/** What the switch has told within a call. Null: that was something else, or cannot be read. */
export function told(name: string | undefined, body: string | undefined): Hint[] | null {
  if (name?.trim() !== PACKAGE || body === undefined || body.length > TOLD_MAX) return null;
  const said = read(body);
  if (said === null) return null;
  const [own, other] = [VERDICTS.get(said["own"]), VERDICTS.get(said["other"])];
  const hints = [own && HERE[own], other && THERE[other]];
  return hints.filter((hint) => hint !== undefined && hint !== null);
}

function read(body: string): Record<string, unknown> | null {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === "object" && said !== null ? { ...said } : null;
  } catch {
    return null;
  }
}
