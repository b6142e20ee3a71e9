/** What went wrong, as the API says it (RFC 9457) or as the network does. */
import type { Words } from "../i18n/id";

export interface Problem {
  /** 0: nobody has answered. */
  readonly status: number;
  /** The last word of the type, such as `not-found`. */
  readonly name: string;
  /** A word for what there is to do about it, where there is one, such as `EXTENSION_CLOSED`. */
  readonly code: string;
  /** For people who are asked for help. */
  readonly requestId: string;
  /** Fields that were wrong. */
  readonly fields: readonly { readonly field: string; readonly reason: string }[];
}

export const UNREACHABLE: Problem = {
  status: 0,
  name: "unreachable",
  code: "",
  requestId: "",
  fields: [],
};

/** Reads an error's body, whoever has sent it: a proxy's page is a problem too. */
export function problem(status: number, body: unknown): Problem {
  const said = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (key: string) => (typeof said[key] === "string" ? said[key] : "");
  const fields = Array.isArray(said["errors"]) ? (said["errors"] as Problem["fields"]) : [];
  const name = text("type").split(":").at(-1) ?? "";
  return { status, name, code: text("code"), requestId: text("request_id"), fields };
}

/** A sentence that a person can act on. */
export function sentence({ problem: words }: Words, { status, requestId }: Problem): string {
  if (status === 0) return words.offline;
  if (status === 429) return words.tooMany;
  if (status === 403) return words.forbidden;
  if (status === 502 || status === 503 || status === 504) return words.unavailable;
  return words.other(requestId || String(status));
}
