/** A guest's place in a queue, by the events of their own call. Pure. */

const COUNTED = new Set(["call.queued", "call.queue_updated"]);
const OVER = new Set(["call.answered", "call.ended", "call.opened"]);

/** The place after that event: 1 is the next, 0 that somebody is rung; null: in no queue (any more). */
export function place(
  before: number | null,
  { kind, data }: { readonly kind: string; readonly data: string },
): number | null {
  if (OVER.has(kind)) return null;
  if (!COUNTED.has(kind)) return before;
  try {
    const { data: fact } = JSON.parse(data) as { data?: { queue_count?: number } };
    return fact?.queue_count ?? before;
  } catch {
    return before;
  }
}
