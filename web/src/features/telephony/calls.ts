/**
 * Calls as the organisation's events tell of them (`/api/events`), folded into what a person wants to see: who rings now, and how the latest
 * calls went. Whom the server tells of a call may see it (H-023, H-026), so nothing is left out here.
 */
import type { Schemas } from "../../api/client";

/** Calls that are remembered; older ones are in the record. */
export const CALLS_MAX = 50;

export type Outcome =
  | "ringing"
  | "queued"
  | "ongoing"
  | "answered"
  | "missed"
  | "declined"
  | "busy"
  | "canceled"
  | "failed";

export interface SeenCall {
  readonly id: string;
  readonly direction: "inbound" | "outbound" | "internal";
  readonly dialled: string;
  /** RFC 3339. */
  readonly at: string;
  readonly answeredAt: string | null;
  readonly endedAt: string | null;
  readonly outcome: Outcome;
}

/** What is used of an event's `data`. */
interface Fact {
  readonly direction?: SeenCall["direction"];
  readonly dialled?: string;
}

const OUTCOMES: Record<string, Outcome> = {
  queued: "queued",
  ringing: "ringing",
  answered: "ongoing",
  missed: "missed",
  timeout: "missed",
  rejected: "declined",
  busy: "busy",
  canceled: "canceled",
  failed: "failed",
};

/** The newest first, after that event. */
export function seen(calls: readonly SeenCall[], event: Schemas["OrganisationEvent"]): readonly SeenCall[] {
  const [family, step = ""] = event.kind.split(".");
  if (family !== "call") return calls;
  if (step === "opened") {
    const { direction = "inbound", dialled = "" } = (event.data ?? {}) as Fact;
    if (calls.some((call) => call.id === event.subject_id)) return calls;
    const call: SeenCall = {
      id: event.subject_id,
      direction,
      dialled,
      at: event.occurred_at,
      answeredAt: null,
      endedAt: null,
      outcome: "ringing",
    };
    return [call, ...calls].slice(0, CALLS_MAX);
  }
  return calls.map((call) => (call.id === event.subject_id ? stepped(call, step, event.occurred_at) : call));
}

function stepped(call: SeenCall, step: string, at: string): SeenCall {
  if (step === "ended") {
    const outcome = call.answeredAt !== null ? "answered" : isOpen(call.outcome) ? "missed" : call.outcome;
    return { ...call, endedAt: at, outcome };
  }
  const outcome = OUTCOMES[step];
  // Once somebody talks, what follows is about whom the call is sent on to.
  if (outcome === undefined || call.answeredAt !== null) return call;
  return { ...call, outcome, answeredAt: step === "answered" ? at : null };
}

const isOpen = (outcome: Outcome) => outcome === "ringing" || outcome === "queued" || outcome === "ongoing";

/** A call of the record, as if its events had been seen. */
export function recorded(call: Schemas["Call"]): SeenCall {
  const ended = call.ended_at ?? null;
  const word = call.outcome ?? "ringing";
  const outcome =
    word === "answered" ? (ended === null ? "ongoing" : "answered") : (OUTCOMES[word] ?? "failed");
  return {
    id: call.id,
    direction: call.direction,
    dialled: call.dialled,
    at: call.created_at,
    answeredAt: call.answered_at ?? null,
    endedAt: ended,
    outcome,
  };
}

/** Those that ring or wait now. */
export const comingIn = (calls: readonly SeenCall[]): SeenCall[] =>
  calls.filter((call) => call.endedAt === null && (call.outcome === "ringing" || call.outcome === "queued"));
