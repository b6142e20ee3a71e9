/**
 * What a phone in a browser is doing, as a value, and how it changes by what happens. Pure: no SIP, no sound, no clock. Who makes things
 * happen is `phone.ts`; any page may show the state, with React or without.
 */

/** Calls at once: one that is talked in, one for consultation, two that ring. A further one is told that we are busy. */
export const CALLS_MAX = 4;
/** Keys pressed in a call that are kept to be shown. */
export const KEYS_MAX = 32;

/** How the phone stands with the switch. `refused`: it is reached, and does not know us. */
export type Link = "off" | "connecting" | "ready" | "lost" | "refused";

export interface Peer {
  /** User part of the address, mostly a number. */
  readonly number: string;
  /** As the other side calls itself; empty where it does not. */
  readonly name: string;
}

/** Why a call is over, as far as a person can do something about it. */
export type Ending =
  | "hung-up"
  | "declined"
  | "busy"
  | "unanswered"
  | "elsewhere"
  | "unknown-number"
  | "unreachable"
  | "closed"
  | "no-microphone"
  | "no-connection"
  | "refused"
  | "failed";

export type Stage = "incoming" | "calling" | "ringing" | "talking" | "ended";

/** What is wrong with what is heard. */
export type Hint =
  | "silent-microphone"
  | "nothing-heard"
  | "nothing-sent"
  | "poor-line"
  | "nothing-comes"
  | "unheard-there"
  | "silent-there"
  | "poor-line-there";

/** What need not be said beside a hint that says more. */
const SAID_BY: Partial<Record<Hint, Hint>> = {
  "nothing-heard": "nothing-comes",
  "unheard-there": "nothing-sent",
};

export interface Transfer {
  readonly to: string;
  readonly stage: "asked" | "ringing" | "failed";
}

export interface Call {
  readonly id: string;
  readonly direction: "in" | "out";
  readonly peer: Peer;
  readonly stage: Stage;
  /** Milliseconds since 1970. */
  readonly begunAt: number;
  readonly answeredAt: number | null;
  /** Something is heard before anybody has answered: the switch, or the telephone network. */
  readonly sounds: boolean;
  readonly heldHere: boolean;
  readonly heldThere: boolean;
  readonly muted: boolean;
  readonly keys: string;
  readonly transfer: Transfer | null;
  /** The call whose other side this one is a question to: an attended transfer makes one of the two. */
  readonly consultsFor: string | null;
  /** As the browser finds. */
  readonly hintsHere: readonly Hint[];
  /** As the switch has told. */
  readonly hintsThere: readonly Hint[];
  readonly ending: Ending | null;
}

export interface State {
  readonly link: Link;
  /** In the order in which they began. */
  readonly calls: readonly Call[];
}

export const IDLE: State = { link: "off", calls: [] };

/** What can happen to a phone. */
export type Happening =
  | { readonly type: "link"; readonly link: Link }
  | {
      readonly type: "begun";
      readonly id: string;
      readonly direction: "in" | "out";
      readonly peer: Peer;
      readonly at: number;
      readonly consultsFor?: string;
    }
  | { readonly type: "rings"; readonly id: string }
  | { readonly type: "sounds"; readonly id: string }
  | { readonly type: "answered"; readonly id: string; readonly at: number }
  | { readonly type: "held"; readonly id: string; readonly by: "here" | "there"; readonly on: boolean }
  | { readonly type: "muted"; readonly id: string; readonly on: boolean }
  | { readonly type: "pressed"; readonly id: string; readonly key: string }
  | { readonly type: "transfer"; readonly id: string; readonly transfer: Transfer | null }
  | {
      readonly type: "hints";
      readonly id: string;
      readonly by: "here" | "there";
      readonly hints: readonly Hint[];
    }
  | { readonly type: "ended"; readonly id: string; readonly ending: Ending }
  | { readonly type: "put-away"; readonly id: string };

/** The state after that. What is said of a call that there is not, or that is over, changes nothing. */
export function happened(state: State, happening: Happening): State {
  switch (happening.type) {
    case "link":
      return state.link === happening.link ? state : { ...state, link: happening.link };
    case "begun":
      return state.calls.some((call) => call.id === happening.id)
        ? state
        : { ...state, calls: [...state.calls, begun(happening)] };
    case "put-away":
      return { ...state, calls: state.calls.filter((call) => call.id !== happening.id) };
    default:
      return {
        ...state,
        calls: state.calls.map((call) =>
          call.id === happening.id && call.stage !== "ended" ? changed(call, happening) : call,
        ),
      };
  }
}

function begun(from: Extract<Happening, { type: "begun" }>): Call {
  return {
    id: from.id,
    direction: from.direction,
    peer: from.peer,
    stage: from.direction === "in" ? "incoming" : "calling",
    begunAt: from.at,
    answeredAt: null,
    sounds: false,
    heldHere: false,
    heldThere: false,
    muted: false,
    keys: "",
    transfer: null,
    consultsFor: from.consultsFor ?? null,
    hintsHere: [],
    hintsThere: [],
    ending: null,
  };
}

function changed(call: Call, happening: Exclude<Happening, { type: "link" | "begun" | "put-away" }>): Call {
  switch (happening.type) {
    case "rings":
      return call.stage === "calling" ? { ...call, stage: "ringing" } : call;
    case "sounds":
      return { ...call, sounds: true };
    case "answered":
      return call.stage === "talking" ? call : { ...call, stage: "talking", answeredAt: happening.at };
    case "held":
      return happening.by === "here"
        ? { ...call, heldHere: happening.on }
        : { ...call, heldThere: happening.on };
    case "muted":
      return { ...call, muted: happening.on };
    case "pressed":
      return { ...call, keys: (call.keys + happening.key).slice(-KEYS_MAX) };
    case "transfer":
      return { ...call, transfer: happening.transfer };
    case "hints":
      return happening.by === "here"
        ? { ...call, hintsHere: happening.hints }
        : { ...call, hintsThere: happening.hints };
    case "ended":
      return {
        ...call,
        stage: "ended",
        ending: happening.ending,
        transfer: null,
        hintsHere: [],
        hintsThere: [],
      };
  }
}

/** What is wrong with what is heard, and nothing of it twice. In a call that is held nobody is to be heard. */
export function hints(call: Call): Hint[] {
  if (call.heldHere || call.heldThere) return [];
  const all = new Set([...call.hintsHere, ...call.hintsThere]);
  return [...all].filter((hint) => {
    const more = SAID_BY[hint];
    return more === undefined || !all.has(more);
  });
}

/** Calls that are not over. */
export const live = (state: State): readonly Call[] => state.calls.filter((call) => call.stage !== "ended");

/** The call that is talked in, if there is one that neither side of this phone has put on hold. */
export const talked = (state: State): Call | undefined =>
  state.calls.find((call) => call.stage === "talking" && !call.heldHere);

/** Calls that ring here, the first one first. */
export const incoming = (state: State): readonly Call[] =>
  state.calls.filter((call) => call.stage === "incoming");

/** What is to be heard besides the other side: `knock` is a short sound for somebody who talks already. */
export type Tone = "ring" | "knock" | "ringback" | null;

export function tone(state: State): Tone {
  const talks = state.calls.some((call) => call.stage === "talking");
  if (incoming(state).length > 0) return talks ? "knock" : "ring";
  return state.calls.some((call) => call.stage === "ringing" && !call.sounds) ? "ringback" : null;
}

/** What a final answer, or the library's word where there was none, means to the person who calls. */
export function ending(
  direction: "in" | "out",
  status: number | undefined,
  cause: string,
  hasRung = false,
): Ending {
  if (cause === "User Denied Media Access") return "no-microphone";
  if (cause === "Connection Error" || cause === "RTP Timeout") return "no-connection";
  if (direction === "in") return status === 200 ? "elsewhere" : "unanswered";
  switch (status) {
    case 401:
    case 403:
    case 407:
      return "refused";
    case 404:
    case 484:
      return "unknown-number";
    case 408:
    case 487:
      return "unanswered";
    case 480:
    case 410:
      return hasRung ? "unanswered" : "unreachable";
    case 486:
    case 600:
      return "busy";
    case 603:
      return "declined";
    default:
      return cause === "Canceled" ? "hung-up" : cause === "No Answer" ? "unanswered" : "failed";
  }
}
