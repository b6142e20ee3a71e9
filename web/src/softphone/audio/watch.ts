/** Listens to a call's microphone and reads what the browser counts, once a second, for `judge.ts` and for a meter. */
import type { Hint } from "../state";
import { judge, kept, type Sample } from "./judge";

const EVERY = 1_000;

/** How loud a microphone is, 0 … 1. Ends with its stream. */
export class Meter {
  readonly #context = new AudioContext();
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(stream: MediaStream) {
    this.#analyser = new AnalyserNode(this.#context, { fftSize: 1_024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream }).connect(this.#analyser);
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const sum = this.#samples.reduce((all, one) => all + one * one, 0);
    return Math.min(1, Math.sqrt(sum / this.#samples.length) * 4);
  }

  close(): void {
    void this.#context.close();
  }
}

/** What a person has asked for themselves is nothing to be told about. */
export interface Wanted {
  readonly muted: boolean;
  readonly held: boolean;
}

/** Watches until it is told to stop. `wanted` is asked at each look, `say` is called when there is something else to say. */
export function watch(
  connection: RTCPeerConnection,
  meter: Meter,
  wanted: () => Wanted,
  say: (hints: Hint[]) => void,
): () => void {
  let samples: Sample[] = [];
  let said = "";
  let loudest = 0;
  const listening = setInterval(() => {
    loudest = Math.max(loudest, meter.level());
  }, 100);
  const looking = setInterval(async () => {
    const report = await connection.getStats().catch(() => undefined);
    if (report === undefined) return;
    const now = wanted();
    // A call that is held begins anew, and a microphone that is meant to be silent is as good as heard.
    samples = now.held ? [] : kept(samples, sample(report, now.muted ? 1 : loudest));
    loudest = 0;
    const hints = judge(samples);
    if (hints.join() !== said) {
      said = hints.join();
      say(hints);
    }
  }, EVERY);
  return () => {
    clearInterval(listening);
    clearInterval(looking);
  };
}

function sample(report: RTCStatsReport, loudest: number): Sample {
  const found = {
    packetsReceived: 0,
    packetsLost: 0,
    packetsSent: 0,
    jitter: 0,
    roundTrip: null as number | null,
  };
  report.forEach((one: Record<string, unknown>) => {
    const number = (key: string) => (typeof one[key] === "number" ? one[key] : 0);
    if (one["type"] === "inbound-rtp") {
      found.packetsReceived += number("packetsReceived");
      found.packetsLost += number("packetsLost");
      found.jitter = number("jitter");
    } else if (one["type"] === "outbound-rtp") {
      found.packetsSent += number("packetsSent");
    } else if (one["type"] === "remote-inbound-rtp" && "roundTripTime" in one) {
      found.roundTrip = number("roundTripTime");
    }
  });
  return { at: performance.now(), loudest, ...found };
}
