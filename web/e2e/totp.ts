/// <reference types="node" />
/** What the authenticator app of a phone does (RFC 6238: SHA-1, six digits, 30 s). */
import { createHmac } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of that key, so many steps from now. */
export function code(key: string, later = 0): string {
  const step = Math.floor(Date.now() / 30_000) + later;
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret(key)).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}

/** RFC 4648 §6. */
function secret(key: string): Buffer {
  const bits = [...key.replace(/\s/g, "")].map((letter) =>
    LETTERS.indexOf(letter).toString(2).padStart(5, "0"),
  );
  const octets = bits.join("").match(/.{8}/g) ?? [];
  return Buffer.from(octets.map((octet) => Number.parseInt(octet, 2)));
}
