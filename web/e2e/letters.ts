/// <reference types="node" />
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { House } from "./house";

/** Milliseconds until a letter has been sent: the job looks once a second. */
const SENT_MAX = 20_000;

/** Reads the letters that come to one address, one after the other. */
export class Letters {
  readonly #seen = new Set<string>();

  constructor(
    private readonly house: House,
    private readonly address: string,
  ) {}

  /** The text of the next one. */
  async next(): Promise<string> {
    let text: string | undefined;
    await expect
      .poll(
        () => {
          text = this.#unread();
          return text;
        },
        { timeout: SENT_MAX, message: `a letter to ${this.address}` },
      )
      .toBeDefined();
    return text ?? "";
  }

  /** The address that the next one asks to open that is about that page. */
  async link(page: string): Promise<string> {
    for (;;) {
      const link = /https?:\/\/\S+/.exec(await this.next())?.[0];
      if (link !== undefined && new URL(link).pathname === `/${page}`) return link;
    }
  }

  #unread(): string | undefined {
    const folder = join(this.house.folder, "mails");
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (this.#seen.has(name) || !name.endsWith(".eml")) continue;
      const text = readFileSync(join(folder, name), "utf8");
      const end = text.indexOf("\r\n\r\n");
      const head = text.slice(0, end);
      if (!head.includes(`To: ${this.address}`)) continue;
      this.#seen.add(name);
      return plain(head, text.slice(end + 4));
    }
    return undefined;
  }
}

/** The body as it was before the transfer (RFC 2045 §6). */
function plain(head: string, body: string): string {
  const encoding = /^Content-Transfer-Encoding: (\S+)/im.exec(head)?.[1]?.toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return body;
  const octets = body
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, "latin1").toString("utf8");
}
