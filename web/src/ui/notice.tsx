import type { ReactNode } from "react";

const KINDS = {
  danger: "bg-danger-soft text-danger",
  warm: "bg-warm-soft text-warm",
  calm: "bg-brand-soft text-ink",
} as const;

/** A sentence that is read out when it appears: at once if something went wrong, else when there is a pause. */
export function Notice({
  kind = "calm",
  children,
}: {
  readonly kind?: keyof typeof KINDS;
  readonly children: ReactNode;
}) {
  return (
    <p
      role={kind === "danger" ? "alert" : "status"}
      className={`rounded-2xl px-4 py-3 font-medium ${KINDS[kind]}`}
    >
      {children}
    </p>
  );
}
