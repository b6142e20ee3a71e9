/** Which language the pages speak, and how they say times. Pure; `index.tsx` gives it to React. */
import { en } from "./en";
import { id, type Words } from "./id";

export const LANGUAGES = { id, en } as const satisfies Record<string, Words>;
export type Language = keyof typeof LANGUAGES;

/** Until the organisation says another. */
export const ZONE = "Asia/Jakarta";

/** The one that was chosen, else the first one that the browser wishes for and there is, else Indonesian. */
export function language(chosen: string | null, wished: readonly string[]): Language {
  const all = [chosen ?? "", ...wished].map((one) => one.toLowerCase().split("-")[0] ?? "");
  // `in` is what Indonesian was called until 1989, and still is by some phones.
  const found = all
    .map((one) => (one === "in" ? "id" : one))
    .find((one): one is Language => one in LANGUAGES);
  return found ?? "id";
}

/** `14.05`, on the organisation's walls. */
export function clock(words: Words, at: Date, zone: string): string {
  return new Intl.DateTimeFormat(words.locale, { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(
    at,
  );
}

/** The clock alone for today, with the day for others. */
export function moment(words: Words, at: Date, now: Date, zone: string): string {
  const day = (date: Date) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(date);
  if (day(at) === day(now)) return clock(words, at, zone);
  const format = { weekday: "short", day: "numeric", month: "short", timeZone: zone } as const;
  return `${new Intl.DateTimeFormat(words.locale, format).format(at)}, ${clock(words, at, zone)}`;
}

/** `Sen, 23 Nov, 08.00–16.00`. */
export function opening(
  words: Words,
  { from, until }: { readonly from: string; readonly until: string },
  now: Date,
  zone: string,
): string {
  return `${moment(words, new Date(from), now, zone)}–${clock(words, new Date(until), zone)}`;
}

/** `3:07`, or `1:03:07`. */
export function length(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const two = (number: number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
