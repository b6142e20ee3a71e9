/**
 * The sounds of a phone, made by the browser itself: nothing is fetched. A ringtone of two soft notes, a knock for who talks already, the
 * ringback of Indonesian exchanges (425 Hz, one second in five), and the tones of keys (ITU-T Q.23).
 */
import type { Tone } from "../state";

interface Note {
  /** Hertz, sounding together. */
  readonly pitches: readonly number[];
  /** Seconds after the beginning of the pattern. */
  readonly at: number;
  readonly lasts: number;
  readonly loud: number;
}

interface Pattern {
  readonly notes: readonly Note[];
  /** Seconds until it comes again. */
  readonly every: number;
}

const chime = (at: number): Note[] => [
  { pitches: [659.26, 1_318.51], at, lasts: 0.42, loud: 0.16 },
  { pitches: [493.88, 987.77], at: at + 0.24, lasts: 0.6, loud: 0.14 },
];

const PATTERNS: Record<NonNullable<Tone>, Pattern> = {
  ring: { notes: [...chime(0), ...chime(1)], every: 3.2 },
  knock: { notes: [{ pitches: [523.25], at: 0, lasts: 0.16, loud: 0.06 }], every: 4 },
  ringback: { notes: [{ pitches: [425], at: 0, lasts: 1, loud: 0.05 }], every: 5 },
};

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1_209, 1_336, 1_477, 1_633];
const KEYS = ["123A", "456B", "789C", "*0#D"];

/** Plays one tone at a time, in time with what the phone does. */
export class Tones {
  #context: AudioContext | undefined;
  #playing: Tone = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sink = "";

  /** Browsers let nothing sound before the page was touched: called by whatever a person has pressed. */
  wake(): void {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") void this.#context.resume();
    this.#route();
  }

  /** Where it sounds; empty: where the browser plays everything. */
  sink(id: string): void {
    this.#sink = id;
    this.#route();
  }

  play(tone: Tone): void {
    if (tone === this.#playing) return;
    this.#playing = tone;
    clearInterval(this.#timer);
    if (tone === null) return;
    const pattern = PATTERNS[tone];
    const once = () => {
      for (const note of pattern.notes) this.#sound(note);
    };
    once();
    this.#timer = setInterval(once, pattern.every * 1_000);
  }

  key(key: string): void {
    const row = KEYS.findIndex((keys) => keys.includes(key));
    const column = KEYS[row]?.indexOf(key) ?? -1;
    const pitches = [ROWS[row], COLUMNS[column]].filter((pitch) => pitch !== undefined);
    this.#sound({ pitches, at: 0, lasts: 0.14, loud: 0.05 });
  }

  close(): void {
    this.play(null);
    void this.#context?.close();
    this.#context = undefined;
  }

  #route(): void {
    const context = this.#context as
      | (AudioContext & { setSinkId?: (id: string) => Promise<void> })
      | undefined;
    context?.setSinkId?.(this.#sink).catch(() => {
      // A device that was unplugged: the browser's own choice stays.
    });
  }

  #sound({ pitches, at, lasts, loud }: Note): void {
    const context = this.#context;
    if (context?.state !== "running") return;
    const [from, to] = [context.currentTime + at, context.currentTime + at + lasts];
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(context.destination);
    gain.gain.setTargetAtTime(loud, from, 0.01);
    gain.gain.setTargetAtTime(0, to - 0.08, 0.03);
    for (const frequency of pitches) {
      const voice = new OscillatorNode(context, { frequency });
      voice.connect(gain);
      voice.start(from);
      voice.stop(to + 0.1);
    }
  }
}
