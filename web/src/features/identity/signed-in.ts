/**
 * Who has signed in, in this browser. The refresh token is good once and belongs to all tabs, so only one of them spends it at a time, and what
 * comes of it stands where the others see it (`localStorage`: the page's policy lets in no script but ours).
 */
import createClient, { type Middleware } from "openapi-fetch";
import { api, type Outcome, outcome, type Schemas } from "../../api/client";
import type { paths } from "../../api/schema";

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

/** An access token that is good for a while; null: somebody has to sign in. */
export async function token(): Promise<string | null> {
  if (kept === null || kept.until - Date.now() > EARLY) return kept?.access ?? null;
  return navigator.locks.request(LOCK, async () => {
    // While this tab waited another one may have done it.
    kept = read();
    if (kept === null || kept.until - Date.now() > EARLY) return kept?.access ?? null;
    const asked = api.POST("/api/identity/tokens", { body: { refresh_token: kept.refresh } });
    const { value, problem } = await outcome(asked);
    if (value !== null) keep(of(value));
    else if (problem.status === 401) keep(null);
    return kept?.access ?? null;
  });
}

const bearer: Middleware = {
  async onRequest({ request }) {
    const access = await token();
    if (access !== null) request.headers.set("authorization", `Bearer ${access}`);
    return request;
  },
  onResponse({ response }) {
    // Signed out from elsewhere, or suspended.
    if (response.status === 401) keep(null);
  },
};

/** For doors that want to know who asks. */
export const authorised = createClient<paths>({ baseUrl: location.origin });
authorised.use(bearer);
