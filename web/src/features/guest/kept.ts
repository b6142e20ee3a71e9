/** What this browser keeps of a guest's visit: the code that they came by, and the token that says where they are (H-022). */
const KEY = "sambung.visit";

export interface Kept {
  readonly code: string;
  readonly token: string;
}

export function kept(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

export const keep = (visit: Kept): void => localStorage.setItem(KEY, JSON.stringify(visit));

export const forget = (): void => localStorage.removeItem(KEY);

export const bearer = () => ({ headers: { authorization: `Bearer ${kept()?.token ?? ""}` } });
