/// <reference types="node" />
/**
 * A whole installation for a browser to come to: `sambung up` with the client as it was built, in a folder that is gone afterwards, and Chromium as
 * Debian has it. Nothing is downloaded, nothing is mocked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";

/** Milliseconds until everything takes traffic: a database is made before. */
const READY_MAX = 90_000;

export interface Demo {
  readonly http: string;
  readonly guest_url: string | null;
  readonly staff: readonly { name: string; email: string; password: string; number: string }[];
  readonly owner: { email: string; password: string };
  readonly extensions: readonly { number: string; name: string }[];
}

export class House {
  private constructor(
    readonly demo: Demo,
    private readonly browser: Browser,
    private readonly up: ChildProcess,
    private readonly folder: string,
  ) {}

  static async open(): Promise<House> {
    const folder = mkdtempSync(join(tmpdir(), "sambung-e2e-"));
    const up = await start(folder);
    const demo = JSON.parse(readFileSync(join(folder, "demo.json"), "utf8")) as Demo;
    const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
    // Chromium's own sandbox wants rights that a build machine seldom has; the pages are ours.
    const args = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    return new House(demo, await chromium.launch({ executablePath, args }), up, folder);
  }

  /** Somebody with a browser of their own. */
  visitor(
    options: { readonly locale?: string; readonly phone?: boolean; readonly dark?: boolean } = {},
  ): Promise<BrowserContext> {
    return this.browser.newContext({
      baseURL: this.demo.http,
      locale: options.locale ?? "id-ID",
      timezoneId: "Asia/Jakarta",
      colorScheme: options.dark ? "dark" : "light",
      viewport: options.phone ? { width: 360, height: 740 } : { width: 1_280, height: 860 },
    });
  }

  async close(): Promise<void> {
    await this.browser.close();
    const over = new Promise((resolve) => this.up.once("exit", resolve));
    this.up.kill("SIGINT");
    await over;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function start(folder: string): Promise<ChildProcess> {
  const target = process.env["CARGO_TARGET_DIR"] ?? "../target";
  const program = resolve(target, "debug/sambung");
  if (!existsSync(program) || !existsSync("dist/index.html")) {
    throw new Error(`build first: ${program} and web/dist (bin/web e2e does)`);
  }
  const [sip, http, ws] = [await port(), await port(), await port()];
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
  ];
  const up = spawn(program, [...args, "--web", resolve("dist"), "--rtp", "31000-31099"], {
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

/** A port that nobody has now. */
function port(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
