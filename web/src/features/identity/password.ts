/** The rule for new passwords (H-004), as the API has it in `identity/password.rs`, which has the last word. Pure. */

/** Octets of a password. */
export const PASSWORD_BYTES_MAX = 200;
/** Characters of one. */
const PASSWORD_CHARS_MIN = 8;

/** What it must have. */
export type Demand = "long" | "digit" | "symbol";

export const DEMANDS: readonly Demand[] = ["long", "digit", "symbol"];

/** Those that it does not meet. */
export function unmet(password: string): readonly Demand[] {
  const is: Record<Demand, boolean> = {
    long: [...password].length >= PASSWORD_CHARS_MIN,
    digit: /\p{N}/u.test(password),
    symbol: /[^\p{Alphabetic}\p{N}]/u.test(password),
  };
  return DEMANDS.filter((demand) => !is[demand]);
}

export const isTooLong = (password: string): boolean =>
  new TextEncoder().encode(password).length > PASSWORD_BYTES_MAX;
