/**
 * Whether two people hear each other, judged by what the browser counts and the microphone's level. Pure; who samples is `watch.ts`.
 */
import type { Hint } from "../state";

/** What was counted since the call began, at one moment. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly packetsSent: number;
  /** Seconds. */
  readonly jitter: number;
  /** Seconds; null before the other side has reported. */
  readonly roundTrip: number | null;
  /** The loudest of the microphone since the sample before, 0 … 1. */
  readonly loudest: number;
}

/** Milliseconds that something must last before it is said. */
export const PATIENCE = 6_000;
/** Below this is the noise of an open input, not a room. */
export const SILENCE = 0.004;
/** The share of packets from which on words go missing. */
export const LOSS_MAX = 0.05;
/** Seconds of jitter that buffers of browsers no longer hide well. */
export const JITTER_MAX = 0.08;
/** Seconds there and back from which on people fall into each other's words. */
export const ROUND_TRIP_MAX = 0.5;

/** What there is to say of the samples of the last [`PATIENCE`], the oldest first. */
export function judge(samples: readonly Sample[]): Hint[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < PATIENCE) return [];
  const hints: Hint[] = [];
  const received = last.packetsReceived - first.packetsReceived;
  const lost = Math.max(0, last.packetsLost - first.packetsLost);
  if (samples.every((sample) => sample.loudest < SILENCE)) hints.push("silent-microphone");
  if (last.packetsSent === first.packetsSent) hints.push("nothing-sent");
  if (received === 0) return [...hints, "nothing-heard"];
  const share = lost / (received + lost);
  const late = samples.every((sample) => sample.jitter > JITTER_MAX);
  if (share > LOSS_MAX || late || (last.roundTrip ?? 0) > ROUND_TRIP_MAX) hints.push("poor-line");
  return hints;
}

/** The samples that are still needed once there is a new one: those of the last [`PATIENCE`], and the one before them. */
export function kept(samples: readonly Sample[], latest: Sample): Sample[] {
  const all = [...samples, latest];
  const from = all.findLastIndex((sample) => latest.at - sample.at >= PATIENCE);
  return all.slice(Math.max(0, from));
}
