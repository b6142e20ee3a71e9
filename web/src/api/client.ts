/** The API by its own description: addresses, bodies and answers are checked by the compiler (`npm run generate`). */
import createClient, { type Middleware } from "openapi-fetch";
import { type Problem, problem, UNREACHABLE } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Milliseconds until a question counts as unanswered. */
const PATIENCE = 20_000;

const patience: Middleware = {
  onRequest: ({ request }) => new Request(request, { signal: AbortSignal.timeout(PATIENCE) }),
};

/** Without a token: for doors that are open to everybody. */
export const api = createClient<paths>({ baseUrl: location.origin });
api.use(patience);

/** What came of a question. */
export type Outcome<T> =
  | { readonly value: T; readonly problem: null }
  | { readonly value: null; readonly problem: Problem };

/** Turns the library's three ways of failing into one. */
export async function outcome<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<Outcome<T>> {
  try {
    const { data, error, response } = await asked;
    return response.ok
      ? { value: data as T, problem: null }
      : { value: null, problem: problem(response.status, error) };
  } catch {
    return { value: null, problem: UNREACHABLE };
  }
}
