/// <reference types="node" />
/**
 * Tones to play, and whether what was heard holds them. Judged as the tests in Rust do (`tests/src/audio.rs`): in frames of 20 ms, each compared
 * with a tone by Goertzel's algorithm. Everything here has 8,000 samples a second between -1 and 1.
 */
import { expect } from "vitest";

export const RATE = 8_000;
const FRAME = 160;
const FRAME_MS = 20;
/** Root mean square below which a frame is silent. */
const SILENCE = 0.01;
/** Share of a frame's energy that makes it hold a tone. */
const HOLDS = 0.8;
/** Milliseconds out of the last second that must hold what is listened for: a busy machine loses many, and nothing else here sounds like a tone. */
export const LEAST_MS = 200;
/** Milliseconds that must have been heard of before silence is one. */
const SILENCE_MS = 900;
/** Milliseconds that a sound may take to be heard. */
const HEARD_MAX = 30_000;
/** Bytes of the header of a WAV file with nothing but sound. */
const HEADER = 44;

export type Samples = readonly number[];

/** Somebody who can be asked what they have heard within the last second. */
export interface Ear {
  lately(): Promise<Samples>;
}

/** Waits until somebody hears this tone. */
export async function hears(ear: Ear, hz: number): Promise<void> {
  await heard(ear, `${hz} Hz`, (lately) => toneMs(lately, hz) >= LEAST_MS);
}

/** Waits until nothing at all has been heard for a second. */
export async function hearsNothing(ear: Ear): Promise<void> {
  await heard(
    ear,
    "silence",
    (lately) => lately.length >= SILENCE_MS * (RATE / 1_000) && soundMs(lately) === 0,
  );
}

/** Waits until somebody hears something that is not this tone. */
export async function hearsMusic(ear: Ear, hz: number): Promise<void> {
  await heard(ear, "music", (lately) => soundMs(lately) >= LEAST_MS && toneMs(lately, hz) < LEAST_MS / 2);
}

async function heard(ear: Ear, what: string, is: (lately: Samples) => boolean): Promise<void> {
  await expect.poll(async () => is(await ear.lately()), { timeout: HEARD_MAX, message: what }).toBe(true);
}

/** Milliseconds of frames that hold the tone and nothing else. */
export function toneMs(samples: Samples, hz: number): number {
  return frames(samples).filter((frame) => share(frame, hz) > HOLDS).length * FRAME_MS;
}

/** Milliseconds of frames that are not silent. */
export function soundMs(samples: Samples): number {
  return frames(samples).filter((frame) => loudness(frame) >= SILENCE).length * FRAME_MS;
}

function frames(samples: Samples): Samples[] {
  const count = Math.floor(samples.length / FRAME);
  return Array.from({ length: count }, (_, at) => samples.slice(at * FRAME, (at + 1) * FRAME));
}

const energy = (frame: Samples) => frame.reduce((sum, one) => sum + one * one, 0);
const loudness = (frame: Samples) => Math.sqrt(energy(frame) / frame.length);

/** Share of the frame's energy at `hz`, 0 to 1; 0 for a silent frame. */
function share(frame: Samples, hz: number): number {
  if (loudness(frame) < SILENCE) return 0;
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / RATE);
  let [before, last] = [0, 0];
  for (const sample of frame) [before, last] = [last, sample + coefficient * last - before];
  const power = last * last + before * before - coefficient * last * before;
  return (2 * power) / (energy(frame) * frame.length);
}

/** A WAV file with some seconds of a tone, mono, 16 bits. */
export function wav(hz: number, seconds: number): Buffer {
  const bytes = RATE * seconds * 2;
  const file = Buffer.alloc(HEADER + bytes);
  file.write("RIFF", 0);
  file.writeUInt32LE(HEADER - 8 + bytes, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(bytes, 40);
  for (let n = 0; n < RATE * seconds; n++) {
    const turns = (hz * (n % RATE)) / RATE;
    file.writeInt16LE(Math.round(12_000 * Math.sin(2 * Math.PI * turns)), HEADER + n * 2);
  }
  return file;
}

/** The channels of a WAV file, which may still be written: its header then tells no length, so everything behind it is sound. */
export function channels(file: Buffer): number[][] {
  const at = file.indexOf("data");
  if (at < 0 || file.length < at + 8) return [];
  const [count, rate, bits] = [file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34)];
  if (rate !== RATE || bits !== 16) throw new Error(`a WAV file of ${rate} Hz with ${bits} bits`);
  const whole = Math.floor((file.length - at - 8) / (2 * count));
  return Array.from({ length: count }, (_, channel) =>
    Array.from({ length: whole }, (_, n) => file.readInt16LE(at + 8 + (n * count + channel) * 2) / 32_768),
  );
}
