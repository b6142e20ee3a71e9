/** Where a call can be sent on to: an extension that is open (H-034), or whatever number was typed. Pure. */

export interface Target {
  readonly number: string;
  /** Null: a number that was typed. */
  readonly name: string | null;
}

/** What can be dialled, as it was typed: with spaces, dashes and brackets or without. Null: it is no number. */
export function dialled(typed: string): string | null {
  const number = typed.replace(/[\s().-]/g, "");
  return /^\+?[0-9*#]+$/.test(number) ? number : null;
}

/** What is offered for what was typed: the number itself comes first, unless it is that of an extension that is offered. */
export function targets(typed: string, open: readonly { number: string; name: string }[]): readonly Target[] {
  const number = dialled(typed);
  const isNew = number !== null && !open.some((one) => one.number === number);
  const found = open.map(({ number, name }) => ({ number, name }));
  return isNew ? [{ number, name: null }, ...found] : found;
}
