/// <reference types="node" />
/**
 * A desk phone that nobody here wrote: baresip, which answers every call at once, plays a tone to whoever is there, and writes what it hears to a file.
 * It is driven through its `ctrl_tcp` module: JSON in netstrings, commands one way and events the other.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { vi } from "vitest";
import type { House } from "./house";
import { channels, type Ear, RATE, type Samples, wav } from "./tones";

/** Milliseconds that a step of signalling may take. */
const STEP_MAX = 30_000;
/** Ports that one takes: SIP, the one after it for TLS, its control, and RTP. */
const PORTS = 24;
/** Seconds of tone; baresip hangs up when they are over. */
const TONE = 120;

/** Who a phone is at the switch. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

export class Baresip implements Ear {
  readonly #events: string[] = [];

  private constructor(
    private readonly running: ChildProcess,
    private readonly control: Socket,
    private readonly folder: string,
    private readonly printed: () => string,
    /** Where others reach it without a switch. */
    readonly place: string,
    /** What stands behind the numbers that it calls. */
    private readonly calls: string,
  ) {
    let unread = Buffer.alloc(0);
    control.on("data", (bytes) => {
      unread = Buffer.concat([unread, bytes]);
      for (;;) {
        const colon = unread.indexOf(":");
        const end = colon + 1 + Number(unread.subarray(0, Math.max(colon, 0)).toString());
        if (colon < 0 || unread.length <= end) return;
        const event = JSON.parse(unread.subarray(colon + 1, end).toString()) as { type?: string };
        if (event.type !== undefined) this.#events.push(event.type);
        unread = unread.subarray(end + 1);
      }
    });
  }

  /** Somebody's phone, once the switch has taken its registration. */
  static async of(house: House, account: Account, hz: number): Promise<Baresip> {
    const { domain, udp } = house.demo.sip;
    const { username: user, password } = account;
    const way = `auth_user=${user};auth_pass=${password};regint=300;outbound="sip:${udp};transport=udp"`;
    const phone = await Baresip.start(house, user, `<sip:${user}@${domain};transport=udp>;${way}`, hz);
    await phone.says("200 OK");
    return phone;
  }

  /** Somebody behind a provider, who registers nowhere, and is as the provider to the switch. */
  static outside(house: House, number: string, hz: number): Promise<Baresip> {
    const { udp } = house.demo.sip;
    return Baresip.start(house, number, `<sip:${number}@127.0.0.1>;regint=0`, hz, udp);
  }

  private static async start(
    house: House,
    name: string,
    account: string,
    hz: number,
    calls = house.demo.sip.domain,
  ): Promise<Baresip> {
    const first = house.ports.take(PORTS);
    const folder = join(house.folder, `phone-${first}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "tone.wav"), wav(hz, TONE));
    writeFileSync(join(folder, "accounts"), `${account};answermode=auto;audio_codecs=PCMU/8000/1\n`);
    writeFileSync(join(folder, "contacts"), "");
    writeFileSync(join(folder, "config"), config(folder, first));
    // It ends with whoever has started it, whatever becomes of them.
    const command = ["--pdeathsig", "TERM", "--", "baresip", "-4", "-v", "-f", folder];
    const running = spawn("setpriv", command, { stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    for (const output of [running.stdout, running.stderr]) {
      output.on("data", (text: Buffer) => {
        printed += text;
      });
    }
    await vi.waitUntil(() => printed.includes("baresip is ready"), { timeout: STEP_MAX });
    const control = connect(first + 2, "127.0.0.1");
    await new Promise((resolve, fail) => control.once("connect", resolve).once("error", fail));
    return new Baresip(running, control, folder, () => printed, `${name}@127.0.0.1:${first}`, calls);
  }

  /** Calls a number of the house. */
  dial(number: string): void {
    this.#events.length = 0;
    this.#order("dial", `sip:${number}@${this.calls}`);
  }

  hangUp(): void {
    this.#order("hangup");
  }

  /** Waits until it talks with somebody. */
  talks(): Promise<void> {
    return this.#event("CALL_ESTABLISHED");
  }

  /** Waits until its call is over. */
  isLetGo(): Promise<void> {
    return this.#event("CALL_CLOSED");
  }

  /** Waits until the other side presses a key. */
  isPressedTo(): Promise<void> {
    return this.#event("CALL_DTMF_START");
  }

  /** Falls silent without a word, as one does whose network is gone, and comes back. */
  freeze(): void {
    this.running.kill("SIGSTOP");
  }

  thaw(): void {
    this.running.kill("SIGCONT");
  }

  /** What its latest call has heard within the last second. */
  async lately(): Promise<Samples> {
    return this.#heard().slice(-RATE);
  }

  /** Waits until the last second is none of before. */
  async listensAnew(): Promise<void> {
    const since = this.#heard().length;
    await vi.waitUntil(() => this.#heard().length - since > RATE, { timeout: STEP_MAX });
  }

  #heard(): Samples {
    // Named by the time at which they were begun.
    const files = readdirSync(this.folder).filter((name) => name.endsWith("-dec.wav"));
    const latest = files.sort().at(-1);
    const [heard = []] = latest === undefined ? [] : channels(readFileSync(join(this.folder, latest)));
    return heard;
  }

  async close(): Promise<void> {
    const over = new Promise((resolve) => this.running.once("exit", resolve));
    this.control.destroy();
    this.thaw();
    this.running.kill("SIGTERM");
    await over;
  }

  /** Waits for the next event of this type; what came before it is forgotten with it. */
  async #event(type: string): Promise<void> {
    await vi
      .waitUntil(() => this.#events.includes(type), { timeout: STEP_MAX })
      .catch(() => {
        throw new Error(`no ${type}, only ${this.#events.join(" ")}\n${this.printed().slice(-4_000)}`);
      });
    this.#events.splice(0, this.#events.indexOf(type) + 1);
  }

  async says(text: string): Promise<void> {
    await vi.waitUntil(() => this.printed().includes(text), { timeout: STEP_MAX });
  }

  #order(command: string, params = ""): void {
    const text = JSON.stringify({ command, params, token: command });
    this.control.write(`${Buffer.byteLength(text)}:${text},`);
  }
}

/** A phone without sound devices: its microphone is a file, its loudspeaker another one. */
function config(folder: string, first: number): string {
  const modules = ["g711", "aufile", "aubridge", "sndfile"].map((name) => `module ${name}.so`);
  return [
    "net_interface 127.0.0.1",
    `sip_listen 127.0.0.1:${first}`,
    `ctrl_tcp_listen 127.0.0.1:${first + 2}`,
    `rtp_ports ${first + 4}-${first + PORTS - 1}`,
    `audio_source aufile,${folder}/tone.wav`,
    "audio_player aubridge,phone",
    "audio_alert aubridge,alert",
    "ausrc_srate 8000",
    "auplay_srate 8000",
    "ausrc_channels 1",
    "auplay_channels 1",
    "audio_buffer 20-160",
    "module_path /usr/lib/baresip/modules",
    ...modules,
    "module_tmp uuid.so",
    "module_tmp account.so",
    "module_app menu.so",
    "module_app ctrl_tcp.so",
    `snd_path ${folder}`,
    "",
  ].join("\n");
}
