/// <reference types="node" />
/**
 * A whole installation for a browser to come to: `sambung up` with the client as it was built, in a folder that is gone afterwards, and Chromium as
 * Debian has it. Nothing is downloaded, nothing is mocked.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { Ports } from "./ports";

/** Milliseconds until everything takes traffic: a database is made before. */
const READY_MAX = 90_000;

/** A small phone held upright, touched by a finger. */
const PHONE = { viewport: { width: 360, height: 800 }, hasTouch: true, isMobile: true } as const;

/** Ports for sound: 24 calls. */
const RTP_PORTS = 96;

export interface Staff {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly number: string;
  /** Numbers of those that they are of. */
  readonly extensions: readonly string[];
  readonly sip_username: string;
  readonly sip_password: string;
}

export interface Demo {
  readonly http: string;
  readonly sip: { readonly udp: string; readonly ws: string; readonly domain: string };
  readonly guest_url: string | null;
  readonly api_key: string;
  readonly staff: readonly Staff[];
  readonly owner: { email: string; password: string };
  readonly extensions: readonly { number: string; name: string }[];
}

export class House {
  private constructor(
    readonly demo: Demo,
    private readonly browser: Browser,
    private readonly up: ChildProcess,
    /** Its data, gone with the house; letters lie in `mails`. */
    readonly folder: string,
    /** Of its own: phones may take more. */
    readonly ports: Ports,
  ) {}

  /** With those keys of the configuration in place of the defaults, such as `openid.client_id="x"`. */
  static async open(settings: readonly string[] = []): Promise<House> {
    const folder = mkdtempSync(join(tmpdir(), "sambung-e2e-"));
    const ports = await Ports.claim();
    const up = await start(folder, ports, settings);
    const demo = JSON.parse(readFileSync(join(folder, "demo.json"), "utf8")) as Demo;
    return new House(demo, await browser(), up, folder, ports);
  }

  /** One of the people, from 0. */
  staff(at: number): Staff {
    const one = this.demo.staff[at];
    if (one === undefined) throw new Error(`the demo has no ${at + 1} people`);
    return one;
  }

  /** What `sambung …` says of the house's own switch. */
  sambung(...args: string[]): string {
    return execFileSync(program(), [...args, "--switch", join(this.folder, "switch")], { encoding: "utf8" });
  }

  /** Describes the organisation anew: `change` is given what it is. */
  describe(change: (description: string) => string): void {
    const file = join(this.folder, "organisation.toml");
    writeFileSync(file, change(this.sambung("describe", this.demo.sip.domain)));
    this.sambung("apply", file);
  }

  /** Somebody with a browser of their own. */
  visitor(
    options: { readonly locale?: string; readonly phone?: boolean; readonly dark?: boolean } = {},
    browser: Browser = this.browser,
  ): Promise<BrowserContext> {
    return browser.newContext({
      baseURL: this.demo.http,
      locale: options.locale ?? "id-ID",
      timezoneId: "Asia/Jakarta",
      colorScheme: options.dark ? "dark" : "light",
      ...(options.phone ? PHONE : { viewport: { width: 1_280, height: 860 } }),
    });
  }

  async close(): Promise<void> {
    await this.browser.close();
    const over = new Promise((resolve) => this.up.once("exit", resolve));
    this.up.kill("SIGINT");
    await over;
    this.ports.release();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Another browser, as the house's own is, with further arguments. */
export function browser(...further: string[]): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  // Chromium's own sandbox wants rights that a build machine seldom has; the pages are ours.
  const args = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  return chromium.launch({ executablePath, args: [...args, ...further] });
}

const program = () => resolve(process.env["CARGO_TARGET_DIR"] ?? "../target", "debug/sambung");

async function start(folder: string, ports: Ports, settings: readonly string[]): Promise<ChildProcess> {
  if (!existsSync(program()) || !existsSync("dist/index.html")) {
    throw new Error(`build first: ${program()} and web/dist (bin/web e2e does)`);
  }
  const [sip, http, ws] = [ports.take(2), ports.take(2), ports.take(2)];
  // The one above them is for the media of browsers.
  const rtp = ports.take(RTP_PORTS + 2);
  const args = [
    "up",
    "--data",
    folder,
    "--sip",
    `127.0.0.1:${sip}`,
    "--sips",
    "none",
    "--ws",
    `127.0.0.1:${ws}`,
    "--wss",
    "none",
    "--http",
    `127.0.0.1:${http}`,
    ...settings.flatMap((setting) => ["--set", setting]),
  ];
  const up = spawn(program(), [...args, "--web", resolve("dist"), "--rtp", `${rtp}-${rtp + RTP_PORTS - 1}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  await new Promise<void>((ready, fail) => {
    const hear = (text: Buffer) => {
      said += text;
      if (/^ready$/m.test(said)) ready();
    };
    up.stdout.on("data", hear);
    up.stderr.on("data", hear);
    up.once("exit", (code) => fail(new Error(`sambung up has ended (${code}):\n${said}`)));
    setTimeout(() => fail(new Error(`not ready in time:\n${said}`)), READY_MAX).unref();
  });
  return up;
}
