import type { Problem } from "../../api/problem";
import type { Words } from "../../i18n/id";
import type { Wrong } from "../../ui/use-form";
import { isTooLong, unmet } from "./password";

/** Why a password may not be one; null: it may (H-004). */
export function refused({ password: said }: Words, password: string): string | null {
  if (isTooLong(password)) return said.tooLong;
  return unmet(password).length > 0 ? said.wrong : null;
}

/** What the API says of the fields, in our words: each of them has one reason to be wrong. */
export function wrongFields(problem: Problem, reasons: Readonly<Record<string, string>>): Wrong {
  const found = problem.fields.flatMap(({ field }) => {
    const reason = reasons[field];
    return reason === undefined ? [] : [[field, reason] as const];
  });
  return found.length > 0 ? { fields: Object.fromEntries(found) } : { problem };
}
