/**
 * Server-sent events with a bearer token, which `EventSource` cannot send: read from a fetch, and after a break gone on with behind the last
 * event that was seen.
 */

export interface Told {
  readonly id: string;
  readonly kind: string;
  readonly data: string;
}

/** Takes whole events off the front of `text`; what is left belongs to the next one. */
export function events(text: string): [Told[], string] {
  const parts = text.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const told = parts.flatMap((part) => {
    const event = { id: "", kind: "message", data: [] as string[] };
    for (const line of part.split(/\r?\n/)) {
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "id") event.id = value;
      else if (field === "event") event.kind = value;
      else if (field === "data") event.data.push(value);
    }
    // A comment, by which the server keeps the connection open.
    return event.data.length === 0 ? [] : [{ ...event, data: event.data.join("\n") }];
  });
  return [told, rest];
}

/** Milliseconds before the next attempt: doubled, and never the same for all pages that were cut off together. */
export function pause(attempt: number, random: number): number {
  return Math.min(30_000, 1_000 * 2 ** Math.min(attempt, 5)) * (0.5 + random / 2);
}

export interface Following {
  readonly url: string;
  /** Behind which event to begin: `0` for all that are kept. */
  readonly after?: string;
  /** The token of the moment; asked before each attempt. */
  readonly token: () => Promise<string | null>;
  /** Sees to another token where this one was refused. */
  readonly renew?: () => Promise<void>;
  readonly told: (event: Told) => void;
  readonly signal: AbortSignal;
}

/** Follows until `signal` says no more. Resolves early where it is no use to go on: nobody is signed in, or they may not. */
export async function follow({ url, after, token, renew, told, signal }: Following): Promise<void> {
  let last = after;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const bearer = await token();
    if (bearer === null) return;
    const headers: Record<string, string> = { authorization: `Bearer ${bearer}` };
    if (last !== undefined) headers["last-event-id"] = last;
    const response = await fetch(url, { headers, signal, cache: "no-store" }).catch(() => undefined);
    if (response?.status === 403 || response?.status === 404) return;
    if (response?.status === 401) await renew?.();
    // What followed is not kept any more: go on with what is new.
    if (response?.status === 410) last = undefined;
    if (response?.ok && response.body) {
      attempt = 0;
      last = (await read(response.body, told)) ?? last;
    }
    await new Promise((resolve) => setTimeout(resolve, pause(attempt, Math.random())));
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  told: (event: Told) => void,
): Promise<string | undefined> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let [rest, last] = ["", undefined as string | undefined];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return last;
      const [found, left] = events(rest + value);
      rest = left;
      for (const event of found) {
        told(event);
        if (event.id !== "") last = event.id;
      }
    }
  } catch {
    // Cut off: the next attempt goes on from here.
    return last;
  }
}
