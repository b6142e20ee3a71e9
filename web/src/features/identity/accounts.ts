/** The doors that an account is made and got back by, for who has not signed in. Whether there is an account of an address is told by none of them. */
import { api, type Outcome, outcome } from "../../api/client";
import type { Language } from "../../i18n/language";

/** Characters of a name, as the API takes them. */
export const NAME_CHARS_MAX = 100;

export interface Registration {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly language: Language;
}

export const register = (body: Registration): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/registrations", { body }));

export const confirm = (token: string, password: string): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/registrations/confirm", { body: { token, password } }));

export const forget = (email: string, language: Language): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/password-resets", { body: { email, language } }));

export const reset = (token: string, password: string): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/password-resets/confirm", { body: { token, password } }));

/** Name and password are those of an account that is made by it. */
export const accept = (
  token: string,
  account?: { name: string; password: string },
): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/invitations/accept", { body: { token, ...account } }));

export const reject = (token: string): Promise<Outcome<unknown>> =>
  outcome(api.POST("/api/identity/invitations/reject", { body: { token } }));
