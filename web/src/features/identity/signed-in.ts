/**
 * Who has signed in, in this browser. The refresh token is good once and belongs to all tabs, so only one of them spends it at a time, and what
 * comes of it stands where the others see it (`localStorage`: the page's policy lets in no script but ours).
 */
import createClient from "openapi-fetch";
import { api, type Outcome, outcome, type Schemas } from "../../api/client";
import { problem } from "../../api/problem";
import type { paths } from "../../api/schema";
import type { Language } from "../../i18n/language";

export type Me = Pick<Schemas["Tokens"], "person" | "organisation" | "organisations">;

/** Milliseconds before its end at which an access token is replaced. */
const EARLY = 60_000;
const KEY = "sambung.sign-in";
const LOCK = "sambung.sign-in";

interface Kept {
  readonly access: string;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly refresh: string;
  readonly signIn: string;
  readonly me: Me;
}

const listeners = new Set<() => void>();
let kept = read();

function read(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

function keep(next: Kept | null): void {
  kept = next;
  if (next === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(next));
  for (const listener of listeners) listener();
}

// Another tab has signed in or out, or refreshed.
window.addEventListener("storage", ({ key }) => {
  if (key !== KEY && key !== null) return;
  kept = read();
  for (const listener of listeners) listener();
});

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Who it is, or nobody. The same object until it changes. */
export const me = (): Me | null => kept?.me ?? null;

function of(tokens: Schemas["Tokens"]): Kept {
  const { access_token: access, expires_in, refresh_token: refresh, sign_in: signIn, ...rest } = tokens;
  const { person, organisation = null, organisations } = rest;
  return {
    access,
    until: Date.now() + expires_in * 1_000,
    refresh,
    signIn,
    me: { person, organisation, organisations },
  };
}

/** The password is right, and a code of the person's phone has to follow, or one for when that is lost. */
export type Step = Schemas["FirstStep"];

export async function signIn(email: string, password: string): Promise<Outcome<Step | Me>> {
  const { value, problem } = await outcome(api.POST("/api/identity/sign-ins", { body: { email, password } }));
  if (value === null) return { value, problem };
  return "token" in value ? { value, problem: null } : signedIn(value);
}

/** What a browser has come back with from the provider of sign-ins. */
export type Returned = Schemas["Returned"];

export async function signInByGoogle(visit: Returned, language: Language): Promise<Outcome<Step | Me>> {
  const { value, problem } = await outcome(
    api.POST("/api/identity/google/sign-ins", { body: { visit, language } }),
  );
  if (value === null) return { value, problem };
  return "token" in value ? { value, problem: null } : signedIn(value);
}

/** The second step of signing in. */
export async function signInByCode({ token }: Step, code: string): Promise<Outcome<Me>> {
  const asked = api.POST("/api/identity/sign-ins/second-step", { body: { token, code } });
  const { value, problem } = await outcome(asked);
  return value === null ? { value, problem } : signedIn(value);
}

function signedIn(tokens: Schemas["Tokens"]): Outcome<Me> {
  const next = of(tokens);
  keep(next);
  return { value: next.me, problem: null };
}

/** Here, also when the server cannot be told. */
export async function signOut(): Promise<void> {
  const id = kept?.signIn;
  if (id !== undefined) {
    await outcome(authorised.DELETE("/api/identity/sign-ins/{id}", { params: { path: { id } } }));
  }
  keep(null);
}

/** Here and wherever else they are signed in. */
export async function signOutEverywhere(): Promise<Outcome<unknown>> {
  const asked = await outcome(authorised.DELETE("/api/identity/sign-ins"));
  if (asked.problem === null) keep(null);
  return asked;
}

/** An access token that is good for a while; null: somebody has to sign in. */
export async function token(): Promise<string | null> {
  if (kept === null || kept.until - Date.now() > EARLY) return kept?.access ?? null;
  return replaced(kept.access);
}

/** Asks anew who it is, and what they may: they have become a member, or something else than they were. */
export async function renew(): Promise<void> {
  if (kept !== null) await replaced(kept.access);
}

/** The access token after that one. */
async function replaced(old: string): Promise<string | null> {
  return navigator.locks.request(LOCK, async () => {
    // While this tab waited another one may have done it.
    kept = read();
    if (kept === null || kept.access !== old) return kept?.access ?? null;
    const asked = api.POST("/api/identity/tokens", { body: { refresh_token: kept.refresh } });
    const { value, problem } = await outcome(asked);
    if (value !== null) keep(of(value));
    else if (problem.status === 401) keep(null);
    return kept?.access ?? null;
  });
}

/** Asks with a token, and once more with the next one where that was refused: it is good no more when its bearer may something else than before. */
async function asked(request: Request): Promise<Response> {
  const access = await token();
  if (access === null) return fetch(request);
  const response = await fetch(by(access, request.clone()));
  if (response.status !== 401 || (await isMistyped(response))) return response;
  const next = await replaced(access);
  return next === null || next === access ? response : fetch(by(next, request));
}

function by(access: string, request: Request): Request {
  request.headers.set("authorization", `Bearer ${access}`);
  return request;
}

/** The token is good; a password or a code that was sent beside it is not. */
async function isMistyped(response: Response): Promise<boolean> {
  const said: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return problem(response.status, said).code === "NOT_PROVEN";
}

/** For doors that want to know who asks. */
export const authorised = createClient<paths>({ baseUrl: location.origin, fetch: asked });
