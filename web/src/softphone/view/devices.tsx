import { useEffect, useId, useState } from "react";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/icon";
import { type Devices as All, type Choice, choose, chosen, type Device, devices } from "../audio/devices";
import type { Softphone } from "../phone";

const NONE: All = { microphones: [], speakers: [] };

/** Which microphone and loudspeaker this browser uses, for calls that go on too. */
export function Devices({ phone }: { readonly phone: Softphone | null }) {
  const { phone: said } = useWords();
  const [all, setAll] = useState(NONE);
  const [choice, setChoice] = useState(chosen);
  useEffect(() => {
    const look = () => void devices().then(setAll);
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, []);

  function use(next: Choice) {
    setChoice(next);
    choose(next);
    void phone?.choose(next);
  }

  if (all.microphones.length + all.speakers.length === 0) return null;
  return (
    <details className="group rounded-2xl px-2">
      <summary className="flex min-h-11 cursor-pointer list-none items-center gap-3 rounded-full font-semibold text-muted hover:text-ink">
        <Icon name="sliders" />
        {said.devices}
        <Icon name="right" className="size-4 transition-transform group-open:rotate-90" />
      </summary>
      <div className="mt-3 flex flex-col gap-4 pb-4">
        <Pick
          label={said.microphone}
          all={all.microphones}
          picked={choice.microphone}
          pick={(microphone) => use({ ...choice, microphone })}
        />
        {all.speakers.length > 0 && (
          <Pick
            label={said.speaker}
            all={all.speakers}
            picked={choice.speaker}
            pick={(speaker) => use({ ...choice, speaker })}
          />
        )}
      </div>
    </details>
  );
}

interface PickProps {
  readonly label: string;
  readonly all: readonly Device[];
  readonly picked: string;
  readonly pick: (id: string) => void;
}

function Pick({ label, all, picked, pick }: PickProps) {
  const { phone: said } = useWords();
  const id = useId();
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-sm font-semibold">
        {label}
      </label>
      <select
        id={id}
        value={all.some((one) => one.id === picked) ? picked : ""}
        onChange={(event) => pick(event.target.value)}
        className="min-h-11 rounded-xl border border-edge bg-surface px-3"
      >
        <option value="">{said.standard}</option>
        {all.map((one, at) => (
          <option key={one.id} value={one.id}>
            {one.label || said.unnamed(at + 1)}
          </option>
        ))}
      </select>
    </div>
  );
}
