import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "./icon";

const KINDS = {
  main: "bg-brand text-on-brand hover:bg-brand-deep",
  plain: "border border-edge/60 text-ink hover:border-brand hover:text-brand",
  quiet: "text-muted hover:bg-brand-soft hover:text-ink",
  danger: "bg-danger text-on-brand hover:bg-danger-deep",
} as const;

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: keyof typeof KINDS;
  readonly icon?: IconName;
}

export function Button({ kind = "plain", icon, children, className = "", type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      className={`inline-flex min-h-12 items-center justify-center gap-2.5 rounded-full px-6 font-semibold transition-colors disabled:opacity-50 ${KINDS[kind]} ${className}`}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface RoundProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly icon: IconName;
  readonly label: string;
  readonly tone?: "plain" | "on" | "answer" | "end";
}

const TONES = {
  plain: "bg-ground text-ink hover:bg-brand-soft",
  on: "bg-ink text-ground",
  answer: "bg-brand text-on-brand hover:bg-brand-deep",
  end: "bg-danger text-on-brand hover:bg-danger-deep",
} as const;

/** A round key of a telephone with its word below. */
export function Round({ icon, label, tone = "plain", ...rest }: RoundProps): ReactNode {
  return (
    <button
      type="button"
      className="group flex w-16 flex-col items-center gap-2 text-sm text-muted disabled:opacity-40"
      {...rest}
    >
      <span className={`grid size-14 place-items-center rounded-full transition-colors ${TONES[tone]}`}>
        <Icon name={icon} className="size-6" />
      </span>
      {label}
    </button>
  );
}
