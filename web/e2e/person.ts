/// <reference types="node" />
/**
 * Somebody with a browser, who speaks by a tone and can be asked what they hear. In place of the microphone stands an oscillator, because a browser takes
 * a steady tone for noise and filters it out; all that comes behind it is the browser's own.
 */
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { LANGUAGES, language } from "../src/i18n/language";
import type { House, Staff } from "./house";
import { signIn } from "./told";
import type { Ear, Samples } from "./tones";

/** Where somebody is. */
export interface At {
  readonly locale?: string;
  readonly phone?: boolean;
  /** Another than the house's. */
  readonly browser?: Browser;
}

interface Heard {
  readonly ears: AnalyserNode[];
  readonly calls: RTCPeerConnection[];
}

/** By which names (ICE user fragments) the latest call's sound goes, here and at the switch. */
export interface Way {
  readonly here: string;
  readonly there: string;
}

/** Milliseconds for what takes a second or two where nobody else wants the machine. */
const STEP_MAX = 30_000;
/** Seconds that an ear remembers, and a little more. */
const EAR_SECONDS = 1.2;

export class Person implements Ear {
  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    /** What the browser has complained of. */
    private readonly complaints: string[],
  ) {}

  static async with(house: House, hz: number, at: At = {}) {
    const context = await house.visitor(at, at.browser);
    await context.addInitScript(speakAndListen, hz);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    return new Person(page, context, complaints);
  }

  /** A member of staff at their phone. */
  static async staff(house: House, who: Staff, hz: number, at: At = {}) {
    const person = await Person.with(house, hz, at);
    await signIn(person.page, who);
    await person.sees("Telepon siap");
    return person;
  }

  /** A guest who has scanned the code. */
  static async guest(house: House, name: string, hz: number, at: At = {}) {
    const person = await Person.with(house, hz, { phone: true, ...at });
    const { guest } = LANGUAGES[language(at.locale ?? null, [])];
    await person.page.goto(house.demo.guest_url ?? "");
    await person.page.getByLabel(guest.nameLabel).fill(name);
    await person.press(guest.start);
    await person.button(/Resepsionis/).waitFor();
    return person;
  }

  /** Presses what is called so, the first of them if there are several. */
  press(name: string | RegExp): Promise<void> {
    return this.button(name).click();
  }

  button(name: string | RegExp): Locator {
    const isExact = typeof name === "string";
    return this.page.getByRole("button", isExact ? { name, exact: true } : { name }).first();
  }

  /** Waits until the page says so. */
  sees(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).first().waitFor();
  }

  /** Waits until the page says so no more. */
  seesNoMore(text: string): Promise<void> {
    return this.page.getByText(text).first().waitFor({ state: "hidden" });
  }

  /** Dials a number at one's own phone. */
  async dial(number: string): Promise<void> {
    await this.page.getByRole("textbox").fill(number);
    await this.press("Panggil");
  }

  /** What the latest call has heard within the last second. */
  lately(): Promise<Samples> {
    return this.page.evaluate(() => {
      const ear = (window as unknown as Heard).ears.at(-1);
      const samples = new Float32Array(ear?.fftSize ?? 0);
      ear?.getFloatTimeDomainData(samples);
      return [...samples];
    });
  }

  /** Waits until the last second is none of before. */
  async listensAnew(): Promise<void> {
    const since = await this.page.evaluate(timeOfEar);
    const over = async () => (await this.page.evaluate(timeOfEar)) - since;
    await expect.poll(over, { timeout: STEP_MAX }).toBeGreaterThan(EAR_SECONDS);
  }

  /** The way of the latest call, once it is the one that was agreed on last and carries sound. */
  async way(): Promise<Way | undefined> {
    return this.page.evaluate(async () => {
      const call = (window as unknown as Heard).calls.at(-1);
      if (call?.signalingState !== "stable") return undefined;
      const stats: { id: string; type: string; [of: string]: unknown }[] = [
        ...(await call.getStats()).values(),
      ];
      const of = (id: unknown) => stats.find((one) => one.id === id);
      const pair = of(stats.find((one) => one.type === "transport")?.["selectedCandidatePairId"]);
      const here = of(pair?.["localCandidateId"])?.["usernameFragment"];
      const name = (said: RTCSessionDescription | null) => /a=ice-ufrag:(\S+)/.exec(said?.sdp ?? "")?.[1];
      const there = name(call.currentRemoteDescription);
      const isAgreed = here !== undefined && here === name(call.currentLocalDescription);
      return isAgreed && there !== undefined ? { here: String(here), there } : undefined;
    });
  }

  /** Leaves; the browser has complained of nothing but what was expected. */
  async leave(expected?: RegExp): Promise<void> {
    await this.context.close();
    expect(this.complaints.filter((one) => expected?.test(one) !== true)).toEqual([]);
  }
}

/** Runs in the page: what the clock of the latest call's ear says, in seconds. */
function timeOfEar(): number {
  return (window as unknown as Heard).ears.at(-1)?.context.currentTime ?? 0;
}

/** Runs in the page before anything of it. */
function speakAndListen(hz: number): void {
  const ears: AnalyserNode[] = [];
  const calls: RTCPeerConnection[] = [];
  Object.assign(window, { ears, calls });
  navigator.mediaDevices.getUserMedia = async () => {
    const sound = new AudioContext();
    const microphone = sound.createMediaStreamDestination();
    const tone = new OscillatorNode(sound, { frequency: hz });
    tone.connect(new GainNode(sound, { gain: 0.3 })).connect(microphone);
    tone.start();
    return microphone.stream;
  };
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      calls.push(this);
      this.addEventListener("track", ({ track }) => {
        const sound = new AudioContext({ sampleRate: 8_000 });
        const ear = new AnalyserNode(sound, { fftSize: 8_192 });
        const mediaStream = new MediaStream([track]);
        new MediaStreamAudioSourceNode(sound, { mediaStream }).connect(ear);
        ears.push(ear);
      });
    }
  };
}
