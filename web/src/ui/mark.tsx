/** Two who are connected. */
export function Mark({ className }: { readonly className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={className}>
      <rect width="32" height="32" rx="9" fill="var(--color-brand)" />
      <path
        d="M8 20.5a8 8 0 0 1 16 0"
        fill="none"
        stroke="var(--color-on-brand)"
        strokeWidth="3"
        strokeLinecap="round"
      />
      <circle cx="8" cy="21" r="3" fill="#f3b562" />
      <circle cx="24" cy="21" r="3" fill="var(--color-on-brand)" />
    </svg>
  );
}

/** The same, large and quiet, behind what there is to read. */
export function Arc() {
  return (
    <svg
      viewBox="0 0 1200 420"
      aria-hidden="true"
      className="pointer-events-none absolute inset-x-0 bottom-0 -z-10 w-full text-brand opacity-10"
    >
      <path
        d="M120 400C120 40 1080 40 1080 400"
        fill="none"
        stroke="currentColor"
        strokeWidth="3"
        strokeDasharray="2 14"
        strokeLinecap="round"
      />
      <circle cx="120" cy="400" r="16" fill="currentColor" />
      <circle cx="1080" cy="400" r="16" fill="currentColor" />
    </svg>
  );
}
