/// <reference types="node" />
/**
 * What the switch finds wrong with the sound of a call, said by the page while it goes on (issue 7): to guests and to staff, who call and who are
 * called. The browser itself knows that nothing comes; only the switch knows why.
 */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { Baresip } from "./baresip";
import { House } from "./house";
import { Person } from "./person";
import { hears } from "./tones";

const GUEST = 600;
const SARI = 1_000;
const BUDI = 800;

/** What the page says of a side that sends nothing, by the switch's word alone. */
const NOTHING_COMES = "Pihak sana tidak mengirim suara apa pun.";
/** What the browser says of it, which knows no more. */
const NOTHING_HEARD = "Tidak ada suara yang datang dari sana.";

// Seconds until silence is a fault, until the switch looks, and until it looks again.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

let house: House;
/** Budi's desk phone. */
let budi: Baresip;

beforeAll(async () => {
  house = await House.open();
  const { sip_username: username, sip_password: password } = house.staff(1);
  budi = await Baresip.of(house, { username, password }, BUDI);
});

afterAll(async () => {
  await budi?.close();
  await house?.close();
});

/** The desk phone falls silent in a call that goes well, and comes back. */
async function isToldOf(person: Person): Promise<void> {
  await hears(person, BUDI);
  for (const text of [NOTHING_COMES, NOTHING_HEARD]) {
    expect(await person.page.getByText(text).count()).toBe(0);
  }
  budi.freeze();
  await person.sees(NOTHING_COMES);
  // It says so once: not the same in the browser's words beside it.
  expect(await person.page.getByText(NOTHING_HEARD).count()).toBe(0);
  budi.thaw();
  await person.seesNoMore(NOTHING_COMES);
  await hears(person, BUDI);
}

it("a guest who calls is told that the other side sends no sound, and no longer when it does", async () => {
  const guest = await Person.guest(house, "Ani", GUEST);
  await guest.press(/Support/);
  await budi.talks();
  await guest.sees("Tersambung");
  await isToldOf(guest);
  await guest.press("Akhiri");
  await budi.isLetGo();
  await guest.leave();
});

it("so is a member of staff who is called", async () => {
  const sari = await Person.staff(house, house.staff(0), SARI);
  budi.dial("1001");
  await sari.press("Angkat");
  await budi.talks();
  await isToldOf(sari);
  await sari.press("Akhiri");
  await budi.isLetGo();
  await sari.leave();
});
