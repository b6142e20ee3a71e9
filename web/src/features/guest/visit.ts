/**
 * A guest's visit to an organisation: where it is in its course, as a value, and how it goes on. Pure; `visit-hook.ts` asks the API, and the
 * phone makes the call. A guest is in one organisation at a time (H-022), and may give feedback, skip it, or give it later (H-021).
 */
import type { GuestOrganisation } from "../../api/guest";
import type { Problem } from "../../api/problem";

/** Why nobody gets in. */
export type Closed = "unknown" | "expired" | "unavailable";

export type Visit =
  | { readonly at: "door"; readonly organisation: GuestOrganisation | null; readonly isElsewhere: boolean }
  | { readonly at: "closed"; readonly why: Closed }
  | {
      readonly at: "inside";
      readonly organisation: GuestOrganisation;
      readonly name: string;
      /** Whose microphone is still to be asked for, before their call. */
      readonly explains: string | null;
    }
  | {
      readonly at: "calling";
      readonly organisation: GuestOrganisation;
      readonly name: string;
      readonly extension: string;
    }
  | {
      readonly at: "feedback";
      readonly organisation: GuestOrganisation;
      readonly name: string;
      readonly extension: string;
    };

export type Step =
  | { readonly type: "seen"; readonly organisation: GuestOrganisation }
  | { readonly type: "refused"; readonly problem: Problem }
  | { readonly type: "elsewhere" }
  | { readonly type: "entered"; readonly organisation: GuestOrganisation; readonly name: string }
  | { readonly type: "chosen"; readonly extension: string; readonly isExplained: boolean }
  | { readonly type: "put-off" }
  | { readonly type: "over"; readonly wasTalked: boolean }
  | { readonly type: "asked-again"; readonly extension: string }
  | { readonly type: "said" }
  | { readonly type: "left" };

export const ARRIVING: Visit = { at: "door", organisation: null, isElsewhere: false };

/** Whether a problem means that there is no way in, for as long as the page is open. */
export function closed({ status }: Problem): Closed | null {
  if (status === 404) return "unknown";
  if (status === 410) return "expired";
  return status === 403 ? "unavailable" : null;
}

export function went(visit: Visit, step: Step): Visit {
  switch (step.type) {
    case "seen":
      return visit.at === "door" ? { ...visit, organisation: step.organisation } : visit;
    case "refused": {
      const why = closed(step.problem);
      return why === null ? visit : { at: "closed", why };
    }
    case "elsewhere":
      return visit.at === "door" ? { ...visit, isElsewhere: true } : visit;
    case "entered":
      return { at: "inside", organisation: step.organisation, name: step.name, explains: null };
    case "left":
      return ARRIVING;
    default:
      return visit.at === "door" || visit.at === "closed" ? visit : inside(visit, step);
  }
}

type Inside = Exclude<Visit, { at: "door" | "closed" }>;

function inside(
  visit: Inside,
  step: Extract<Step, { type: "chosen" | "put-off" | "over" | "asked-again" | "said" }>,
): Visit {
  const { organisation, name } = visit;
  const idle = { at: "inside", organisation, name, explains: null } as const;
  switch (step.type) {
    case "chosen":
      return step.isExplained
        ? { at: "calling", organisation, name, extension: step.extension }
        : { ...idle, explains: step.extension };
    case "put-off":
      return visit.at === "inside" ? idle : visit;
    case "over":
      // Of a call that nobody took there is nothing to be said.
      return visit.at === "calling" && step.wasTalked
        ? { at: "feedback", organisation, name, extension: visit.extension }
        : idle;
    case "asked-again":
      return { at: "feedback", organisation, name, extension: step.extension };
    case "said":
      return idle;
  }
}
