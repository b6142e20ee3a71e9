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

/** Google's own letter, in its colours (their branding guidelines want it so). */
export function Google() {
  return (
    <svg viewBox="0 0 48 48" aria-hidden="true" className="size-5 shrink-0">
      <path
        fill="#EA4335"
        d="M24 9.5c3.54 0 6.71 1.22 9.21 3.6l6.85-6.85C35.9 2.38 30.47 0 24 0 14.62 0 6.51 5.38 2.56 13.22l7.98 6.19C12.43 13.72 17.74 9.5 24 9.5z"
      />
      <path
        fill="#4285F4"
        d="M46.98 24.55c0-1.57-.15-3.09-.38-4.55H24v9.02h12.94c-.58 2.96-2.26 5.48-4.78 7.18l7.73 6c4.51-4.18 7.09-10.36 7.09-17.65z"
      />
      <path
        fill="#FBBC05"
        d="M10.53 28.59c-.48-1.45-.76-2.99-.76-4.59s.27-3.14.76-4.59l-7.98-6.19C.92 16.46 0 20.12 0 24c0 3.88.92 7.54 2.56 10.78l7.97-6.19z"
      />
      <path
        fill="#34A853"
        d="M24 48c6.48 0 11.93-2.13 15.89-5.81l-7.73-6c-2.15 1.45-4.92 2.3-8.16 2.3-6.26 0-11.57-4.22-13.47-9.91l-7.98 6.19C6.51 42.62 14.62 48 24 48z"
      />
    </svg>
  );
}
