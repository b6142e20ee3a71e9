import { useEffect, useState } from "react";
import type { ExtensionNow } from "../../api/guest";
import { useWords } from "../../i18n";
import { opening } from "../../i18n/language";
import { permission } from "../../softphone/audio/devices";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { Sheet } from "./door";
import type { Visit } from "./visit";
import type { Visiting } from "./visit-hook";

interface Props {
  readonly visiting: Visiting;
  readonly visit: Extract<Visit, { at: "inside" }>;
}

/** Whom the guest may call. Before a browser asks for the microphone for the first time it is said what for. */
export function Inside({ visiting, visit }: Props) {
  const { guest, feedback } = useWords();
  const [unrated, setUnrated] = useState<string | null>(null);
  const { unrated: look } = visiting;
  useEffect(() => {
    void look().then(setUnrated);
  }, [look]);
  if (visit.explains !== null) return <Explained visiting={visiting} extension={visit.explains} />;

  const rated = visit.organisation.extensions.find(({ number }) => number === unrated);

  async function call(extension: string) {
    visiting.choose(extension, (await permission()) === "granted");
  }

  return (
    <section>
      <p className="font-semibold text-brand">{guest.hello(visit.name)}</p>
      <h2 className="mt-1 mb-5 text-xl font-bold">{guest.pick}</h2>
      {visit.organisation.extensions.length === 0 && <p className="text-muted">{guest.none}</p>}
      <ul className="flex flex-col gap-3">
        {visit.organisation.extensions.map((extension) => (
          <li key={extension.id}>
            <Extension
              extension={extension}
              zone={visit.organisation.timezone}
              call={() => void call(extension.id)}
            />
          </li>
        ))}
      </ul>
      {rated !== undefined && (
        <Button icon="star" className="mt-6 w-full" onClick={() => visiting.rateLater(rated.id)}>
          {feedback.again(rated.name)}
        </Button>
      )}
      <Button kind="quiet" className="mt-8 w-full" onClick={() => void visiting.leave()}>
        {guest.leave}
      </Button>
    </section>
  );
}

function Extension({
  extension: { name, number, is_open, opens },
  zone,
  call,
}: {
  readonly extension: ExtensionNow;
  readonly zone: string;
  readonly call: () => void;
}) {
  const words = useWords();
  const { guest } = words;
  return (
    <button
      type="button"
      disabled={!is_open}
      onClick={call}
      className="flex w-full items-center gap-4 rounded-2xl border border-line bg-surface p-4 text-left transition-colors enabled:shadow-lift enabled:hover:border-brand disabled:border-dashed"
    >
      <span
        className={`grid size-12 shrink-0 place-items-center rounded-full ${is_open ? "bg-brand text-on-brand" : "bg-ground text-muted"}`}
      >
        <Icon name="phone" filled={is_open} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block text-lg font-semibold wrap-anywhere">{name}</span>
        <span className="block text-sm text-muted">{number}</span>
        {opens != null && (
          <span className="mt-1 block text-sm text-muted">
            {guest.opens(opening(words, opens, new Date(), zone))}
          </span>
        )}
      </span>
      <span
        className={`rounded-full px-3 py-1 text-sm font-semibold ${is_open ? "bg-brand-soft text-brand" : "bg-ground text-muted"}`}
      >
        {is_open ? guest.open : guest.closed}
      </span>
    </button>
  );
}

function Explained({ visiting, extension }: { readonly visiting: Visiting; readonly extension: string }) {
  const { microphone: said, app } = useWords();
  const [state, setState] = useState<PermissionState>("prompt");
  const isPossible = navigator.mediaDevices !== undefined;
  useEffect(() => {
    void permission().then(setState);
  }, []);
  return (
    <Sheet title={said.title} hint={said.why}>
      {!isPossible && <Notice kind="danger">{said.none}</Notice>}
      {isPossible && state === "denied" && (
        <Notice kind="warm">
          {said.denied}. {said.deniedHint}
        </Notice>
      )}
      <div className="mt-6 flex flex-col gap-3">
        <Button
          kind="main"
          icon="microphone"
          disabled={!isPossible}
          onClick={() => visiting.choose(extension, true)}
        >
          {said.allow}
        </Button>
        <Button kind="quiet" onClick={visiting.putOff}>
          {app.back}
        </Button>
      </div>
    </Sheet>
  );
}
