import { useSpoken } from "../../i18n";
import { length, moment } from "../../i18n/language";
import type { Verdict } from "../../softphone/audio/verdict";
import { Icon, type IconName } from "../../ui/icon";
import { useNow } from "../../ui/use-now";
import { comingIn, type SeenCall } from "./calls";
import type { Office } from "./use-office";
import { useVerdict } from "./use-verdict";

interface Props {
  readonly calls: readonly SeenCall[];
  readonly office: Office;
  /** Null while nobody can be called. */
  readonly redial: ((number: string) => void) | null;
  /** Whether the person may read more of a call than that it was. */
  readonly reads: boolean;
}

/** Who rings now, and how the latest calls went (H-023). */
export function Calls({ calls, office, redial, reads }: Props) {
  const { words } = useSpoken();
  const now = comingIn(calls);
  const before = calls.filter((call) => !now.includes(call));
  const latest = before.find((call) => call.outcome === "answered");
  const verdict = useVerdict(reads && latest !== undefined ? latest.id : null);
  return (
    <div className="flex flex-col gap-10">
      {now.length > 0 && (
        <section aria-labelledby="now">
          <h2 id="now" className="mb-3 text-xl font-bold">
            {words.phone.now}
          </h2>
          <ul className="flex flex-col gap-2">
            {now.map((call) => (
              <Row key={call.id} call={call} office={office} redial={null} isNow />
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="recent">
        <h2 id="recent" className="mb-3 text-xl font-bold">
          {words.phone.recent}
        </h2>
        {before.length === 0 ? (
          <p className="max-w-md leading-relaxed text-muted">{words.phone.noRecent}</p>
        ) : (
          <ul className="divide-y divide-line">
            {before.map((call) => (
              <Row
                key={call.id}
                call={call}
                office={office}
                redial={redial}
                verdict={call === latest ? verdict : null}
              />
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

const ICONS: Record<SeenCall["direction"], IconName> = { inbound: "in", outbound: "out", internal: "inside" };

interface RowProps extends Omit<Props, "calls" | "reads"> {
  readonly call: SeenCall;
  readonly isNow?: boolean;
  readonly verdict?: Verdict | null;
}

function Row({ call, office, redial, isNow = false, verdict = null }: RowProps) {
  const { words } = useSpoken();
  const now = useNow(isNow);
  const isLost = call.outcome === "missed" || call.outcome === "failed";
  const name = office.extensions.find((extension) => extension.number === call.dialled)?.name;
  const talked =
    call.answeredAt !== null && call.endedAt !== null ? spent(call.answeredAt, call.endedAt) : null;
  return (
    <li className={`flex items-center gap-4 py-3 ${isNow ? "rounded-2xl bg-brand-soft px-4" : ""}`}>
      <span
        className={`grid size-10 shrink-0 place-items-center rounded-full ${isLost ? "bg-danger-soft text-danger" : "bg-brand-soft text-brand"}`}
      >
        <Icon name={ICONS[call.direction]} />
        <span className="sr-only">{words.phone.direction[call.direction]}</span>
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate font-semibold">
          {name ?? call.dialled}
          {name !== undefined && <span className="ml-2 font-normal text-muted">{call.dialled}</span>}
        </span>
        <span className={`block text-sm ${isLost ? "text-danger" : "text-muted"}`}>
          {words.phone.outcome[call.outcome]}
          {talked !== null && ` · ${length(talked)}`}
          {isNow && ` · ${length(now - Date.parse(call.at))}`}
        </span>
        {verdict !== null && <span className="block text-sm text-warm">{words.verdict[verdict]}</span>}
      </span>
      <time dateTime={call.at} className="max-w-20 shrink-0 text-right text-sm text-muted sm:max-w-none">
        {moment(words, new Date(call.at), new Date(), office.zone)}
      </time>
      {redial !== null && (
        <button
          type="button"
          aria-label={words.phone.redial(name ?? call.dialled)}
          onClick={() => redial(call.dialled)}
          className="grid size-11 shrink-0 place-items-center rounded-full text-brand hover:bg-brand-soft"
        >
          <Icon name="phone" />
        </button>
      )}
    </li>
  );
}

const spent = (from: string, to: string) => Date.parse(to) - Date.parse(from);
