/** Which microphone and loudspeaker are used, remembered by this browser. */

export interface Device {
  readonly id: string;
  readonly label: string;
}

export interface Devices {
  readonly microphones: readonly Device[];
  /** Empty where the browser plays where it likes (Firefox and Safari on phones). */
  readonly speakers: readonly Device[];
}

export interface Choice {
  /** Empty: the browser's own. */
  readonly microphone: string;
  readonly speaker: string;
}

const KEY = "sambung.audio";
const NONE: Choice = { microphone: "", speaker: "" };

/** What was chosen last in this browser. */
export function chosen(): Choice {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return typeof kept === "object" && kept !== null ? { ...NONE, ...kept } : NONE;
  } catch {
    return NONE;
  }
}

export function choose(choice: Choice): void {
  localStorage.setItem(KEY, JSON.stringify(choice));
}

/** What there is. Labels are empty until the microphone was allowed once. */
export async function devices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((one) => one.kind === kind && one.deviceId !== "")
      .map((one) => ({ id: one.deviceId, label: one.label }));
  return {
    microphones: of("audioinput"),
    speakers: "setSinkId" in HTMLMediaElement.prototype ? of("audiooutput") : [],
  };
}

/** Whether the microphone may be used: `prompt` asks the person. Browsers that do not tell are as those that ask. */
export async function permission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: "microphone" as PermissionName })).state;
  } catch {
    return "prompt";
  }
}

/** Opens the chosen microphone, or any where that one is gone. */
export async function microphone({ microphone: id }: Choice): Promise<MediaStream> {
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const ask = (audio: MediaTrackConstraints) => navigator.mediaDevices.getUserMedia({ audio, video: false });
  if (id === "") return ask(wanted);
  return ask({ ...wanted, deviceId: { exact: id } }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "OverconstrainedError") return ask(wanted);
    throw error;
  });
}
