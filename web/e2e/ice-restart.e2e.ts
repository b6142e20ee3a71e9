/// <reference types="node" />
/**
 * Sound finds its way anew (issue 7; a restart of ICE, RFC 8445 §9) in calls of a real browser: with a desk phone, which hears nothing of it, and with
 * another browser that does the same at the same time, also while nobody can reach the switch. A page begins by itself when its device says that it is
 * in another network; so it is told here.
 */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { Baresip } from "./baresip";
import { browser, House } from "./house";
import { type At, Person, type Way } from "./person";
import { recorded } from "./recorded";
import { hears, toneMs } from "./tones";
import { Wire } from "./wire";

/** What each plays, in hertz. */
const SARI = 1_000;
const DEWI = 1_500;
const BUDI = 800;
/** How often two pages restart at once, within one call. Until they did so with the switch alone, and took nothing back, most of such calls lost their sound. */
const AT_ONCE = 8;
/** How often both are cut off from the switch, every other time with a restart under way. */
const CUTS = 4;
/** Milliseconds until a page has found another way, be it that the switch refuses it more than once. */
const FOUND_MAX = 30_000;
const LOST = "Sambungan terputus, mencoba lagi…";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

let house: House;

beforeAll(async () => {
  house = await House.open();
  house.describe((described) => described.replace(/recording = .*/, 'recording = "always"'));
});

afterAll(() => house?.close());

/** Their device tells these pages that it is in another network. */
async function moves(...people: readonly Person[]): Promise<void> {
  await Promise.all(people.map(({ page }) => page.evaluate(() => void dispatchEvent(new Event("online")))));
}

/** The ways of these people's calls, when none is the one of before. */
async function others(people: readonly Person[], before: readonly Way[]): Promise<Way[]> {
  const found: Way[] = [];
  for (const [at, person] of people.entries()) {
    const look = async () => {
      const [way, old] = [await person.way(), before[at]];
      if (way === undefined) return false;
      found[at] = way;
      return way.here !== old?.here && way.there !== old?.there;
    };
    await expect
      .poll(look, { timeout: FOUND_MAX, message: `another way than ${before[at]?.here}` })
      .toBe(true);
  }
  return found;
}

/** Dewi has called Sari, and each hears the other. */
async function talk(at: At = {}): Promise<[Person, Person]> {
  const sari = await Person.staff(house, house.staff(0), SARI, at);
  const dewi = await Person.staff(house, house.staff(2), DEWI, at);
  await dewi.dial("1001");
  await sari.press("Angkat");
  await hears(dewi, SARI);
  await hears(sari, DEWI);
  return [sari, dewi];
}

it("a page finds another way in a call with a desk phone, both hear each other throughout, and the recording has both", async () => {
  const { sip_username: username, sip_password: password } = house.staff(1);
  const budi = await Baresip.of(house, { username, password }, BUDI);
  const sari = await Person.staff(house, house.staff(0), SARI);
  await sari.dial("1002");
  await budi.talks();
  await hears(sari, BUDI);
  await hears(budi, SARI);
  let ways = await others([sari], []);
  for (let n = 0; n < 3; n++) {
    await moves(sari);
    ways = await others([sari], ways);
    await Promise.all([sari.listensAnew(), budi.listensAnew()]);
    await hears(sari, BUDI);
    await hears(budi, SARI);
  }
  await sari.press("Akhiri");
  await budi.isLetGo();
  await budi.close();
  const [caller = [], callee = []] = await recorded(house);
  for (const [side, own, other] of [
    [caller, SARI, BUDI],
    [callee, BUDI, SARI],
  ] as const) {
    const half = side.length / 2;
    for (const part of [side.slice(0, half), side.slice(half)]) {
      expect(toneMs(part, own), `${own} Hz`).toBeGreaterThan(300);
      expect(toneMs(part, other), `${other} Hz`).toBe(0);
    }
  }
  await sari.leave();
});

it(`two pages find other ways at once, ${AT_ONCE} times, and hear each other each time`, async () => {
  const [sari, dewi] = await talk();
  const both = [sari, dewi];
  let ways = await others(both, []);
  for (let n = 0; n < AT_ONCE; n++) {
    await moves(...both);
    ways = await others(both, ways);
    await Promise.all(both.map((one) => one.listensAnew()));
    await hears(dewi, SARI);
    await hears(sari, DEWI);
  }
  await dewi.press("Akhiri");
  await sari.sees("Panggilan selesai");
  for (const one of both) await one.leave();
});

it(`two pages that were cut off at once, ${CUTS} times, find other ways when they are back, and hear each other throughout`, async () => {
  const { port, host } = new URL(house.demo.sip.ws);
  const wire = await Wire.between(house.ports.take(2), Number(port));
  const far = await browser(`--host-resolver-rules=MAP ${host} 127.0.0.1:${wire.port}`);
  try {
    const [sari, dewi] = await talk({ browser: far });
    const both = [sari, dewi];
    let ways = await others(both, []);
    for (let n = 0; n < CUTS; n++) {
      if (n % 2 === 1) await moves(...both);
      wire.cut();
      for (const one of both) await one.sees(LOST);
      await Promise.all(both.map((one) => one.listensAnew()));
      await hears(dewi, SARI);
      await hears(sari, DEWI);
      wire.mend();
      for (const one of both) await one.seesNoMore(LOST);
      ways = await others(both, ways);
      await Promise.all(both.map((one) => one.listensAnew()));
      await hears(dewi, SARI);
      await hears(sari, DEWI);
    }
    await dewi.press("Akhiri");
    await sari.sees("Panggilan selesai");
    for (const one of both) await one.leave(/WebSocket/);
  } finally {
    await far.close();
    wire.close();
  }
});
