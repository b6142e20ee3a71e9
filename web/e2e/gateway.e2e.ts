/// <reference types="node" />
/**
 * Browsers call as phones do (issue 7): with desk phones, with each other, with the telephone network; they are held, sent on, and wait their turn;
 * and a connection that is cut ends no call. Who is heard where is found by the tones that everybody plays.
 */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { Baresip } from "./baresip";
import { browser, House } from "./house";
import { Person } from "./person";
import { isRecorded, latest } from "./recorded";
import { hears, hearsMusic, hearsNothing } from "./tones";
import { Wire } from "./wire";

/** What each plays, in hertz: everybody another one. */
const GUEST = 600;
const SARI = 1_000;
const DEWI = 1_500;
const BUDI = 800;
const OUTSIDE = 1_200;
/** A mobile number, which leaves by the trunk. */
const MOBILE = "08123456789";
/** The house's own number outside. */
const NUMBER = "+62215550100";
/** Milliseconds until a recording is in the store, or a page has done what it does by itself. */
const STEP_MAX = 30_000;

// Seconds where nobody else wants the machine; whoever speaks must wait for their turn where many do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

let house: House;
/** Budi's desk phone, the only one of the extension 200. */
let budi: Baresip;
let outside: Baresip;
/** Sari at her browser. */
let sari: Person;

beforeAll(async () => {
  house = await House.open();
  outside = await Baresip.outside(house, MOBILE, OUTSIDE);
  house.describe(office);
  budi = await phone(1, BUDI);
  sari = await Person.staff(house, house.staff(0), SARI);
});

afterAll(async () => {
  await sari?.leave();
  for (const one of [budi, outside]) await one?.close();
  await house?.close();
});

/** A desk phone of somebody's. */
function phone(at: number, hz: number): Promise<Baresip> {
  const { sip_username: username, sip_password: password } = house.staff(at);
  return Baresip.of(house, { username, password }, hz);
}

/** All calls are recorded, nobody is rung for long or told why at length, 200 has a queue, 300 is a menu, 400 is closed until tomorrow, and a trunk leads outside and from there to 100. */
function office(described: string): string {
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  const today = new Date().toLocaleDateString("en", { weekday: "short", timeZone: "Asia/Jakarta" });
  const tomorrow = days[(days.indexOf(today.toLowerCase()) + 1) % 7];
  const settings = described
    .replace(/recording = .*/, 'recording = "always"')
    .replace("announcements = true", "announcements = false")
    .replace(/ring_timeout_secs = \d+/, "ring_timeout_secs = 5");
  return `${settings}
[[queue]]
extension = "200"
agents = ["1002"]
wrap_up_secs = 0
announce_secs = 0

[[extension]]
number = "300"
name = "Pilihan"

[[menu]]
extension = "300"
choices = ["2: forward_staff 1002"]

[[extension]]
number = "400"
name = "Gudang"
staff = ["1004"]
hours = ["${tomorrow} 08:00-16:00"]

[[trunk]]
name = "provider"
targets = ["sip:${outside.place.split("@")[1]}"]
sources = ["127.0.0.1"]
number_format = "national"
from_number = "${NUMBER}"

[[did]]
number = "${NUMBER}"
extension = "100"

[[outbound_route]]
name = "all"
prefix = "0"
trunks = ["provider"]
`;
}

it("a guest's page calls a desk phone, and the recording has each on their side", async () => {
  const rina = await phone(4, DEWI);
  const guest = await Person.guest(house, "Budi", GUEST);
  await guest.press(/Resepsionis/);
  await rina.talks();
  await guest.sees("Tersambung");
  await hears(guest, DEWI);
  await hears(rina, GUEST);
  await guest.press("Akhiri");
  await rina.isLetGo();
  await rina.close();
  await isRecorded(house, GUEST, DEWI);
  await guest.leave();
});

it("a guest who is muted, held and sent on to a desk phone hears who is there", async () => {
  const guest = await Person.guest(house, "Ani", GUEST);
  await guest.press(/Resepsionis/);
  await sari.press("Angkat");
  await hears(guest, SARI);
  await hears(sari, GUEST);

  await sari.press("Bisukan");
  await hearsNothing(guest);
  await sari.press("Bunyikan");
  await hears(guest, SARI);

  await sari.press("Tahan");
  await sari.sees("Ditahan");
  await hearsMusic(guest, SARI);
  await sari.press("Lanjutkan");
  await hears(guest, SARI);
  await hears(sari, GUEST);

  await sari.press("Alihkan");
  await sari.page.getByLabel("Nama atau nomor").fill("1002");
  await sari.press("Alihkan langsung");
  await budi.talks();
  await sari.sees("Panggilan selesai");
  await hears(guest, BUDI);
  await hears(budi, GUEST);
  await guest.press("Akhiri");
  await budi.isLetGo();
  await guest.leave();
});

it("two people at their browsers hear each other, and one puts the other through after asking", async () => {
  const dewi = await Person.staff(house, house.staff(2), DEWI);
  await dewi.dial("1001");
  await sari.press("Angkat");
  await hears(dewi, SARI);
  await hears(sari, DEWI);

  await sari.press("Alihkan");
  await sari.page.getByLabel("Nama atau nomor").fill("1002");
  await sari.press("Tanya dulu");
  await budi.talks();
  await hears(sari, BUDI);
  await hears(budi, SARI);
  await hearsMusic(dewi, SARI);
  await sari.press(/^Sambungkan ke/);
  await hears(dewi, BUDI);
  await hears(budi, DEWI);
  await sari.button("Panggil").waitFor();
  await dewi.press("Akhiri");
  await budi.isLetGo();
  await dewi.leave();
});

it("keys that are pressed in the page reach a menu and a desk phone", async () => {
  await sari.dial("300");
  await sari.sees("Tersambung");
  await sari.press("Tombol");
  await sari.press("Tombol 2");
  await budi.talks();
  await hears(sari, BUDI);
  await sari.press("Tombol 5");
  await budi.isPressedTo();
  await sari.press("Akhiri");
  await budi.isLetGo();
});

it("a call leaves the page by a trunk, and both hear each other", async () => {
  await sari.dial(MOBILE);
  await outside.talks();
  await hears(sari, OUTSIDE);
  await hears(outside, SARI);
  await sari.press("Akhiri");
  await outside.isLetGo();
});

it("a call from the telephone network is answered in the page, until the far end hangs up", async () => {
  // Of the call before.
  await sari.seesNoMore("Panggilan selesai");
  outside.dial(NUMBER);
  await sari.page.getByRole("heading", { name: /8123456789/ }).waitFor();
  await sari.sees("Panggilan masuk");
  await sari.press("Angkat");
  await outside.talks();
  await hears(sari, OUTSIDE);
  await hears(outside, SARI);
  outside.hangUp();
  await sari.sees("Panggilan selesai");
  await expect.poll(async () => (await latest(house)).direction, { timeout: STEP_MAX }).toBe("inbound");
  await isRecorded(house, OUTSIDE, SARI);
});

it("a guest who waits sees their place, which falls as those before are answered", async () => {
  const guests = await Promise.all(["Ani", "Beni", "Citra"].map((name) => Person.guest(house, name, GUEST)));
  const [ani, beni, citra] = guests as [Person, Person, Person];
  await ani.press(/Support/);
  await budi.talks();
  await hears(ani, BUDI);
  await beni.press(/Support/);
  await beni.sees("Anda nomor 1 dalam antrean.");
  await citra.press(/Support/);
  await citra.sees("Anda nomor 2 dalam antrean.");
  await hearsMusic(citra, BUDI);

  await ani.press("Akhiri");
  await budi.isLetGo();
  await budi.talks();
  await beni.sees("Tersambung");
  await citra.sees("Anda nomor 1 dalam antrean.");
  await beni.press("Akhiri");
  await budi.talks();
  await citra.sees("Tersambung");
  await hears(citra, BUDI);
  await citra.press("Akhiri");
  for (const guest of guests) await guest.leave();
});

it("a guest is told in a sentence when who is closed opens again", async () => {
  const guest = await Person.guest(house, "Ani", GUEST);
  await guest.sees(/Sedang tutup\. Buka lagi \S+, \d+ \S+, 08\.00–16\.00\./);
  expect(await guest.button(/Gudang/).isDisabled()).toBe(true);
  // It closes while the page is open.
  const before = house.sambung("describe", house.demo.sip.domain);
  const hours = /hours = .*/.exec(before)?.[0] ?? "";
  house.describe((described) => described.replace('name = "Support"', `name = "Support"\n${hours}`));
  await guest.press(/Support/);
  await guest.sees("Sedang tutup. Panggilan belum dapat diterima.");
  await expect.poll(() => guest.button(/Support/).isDisabled(), { timeout: STEP_MAX }).toBe(true);
  house.describe(() => before);
  await guest.leave(/409/);
});

it("who cannot be had is told why in a sentence", async () => {
  await sari.dial("1008");
  await sari.sees("Tidak dapat dihubungi saat ini");
  await sari.button("Panggil").waitFor();
  await sari.dial("999");
  await sari.sees("Nomor tidak dikenal");
  const dewi = await Person.staff(house, house.staff(2), DEWI);
  await sari.dial("1003");
  await dewi.press("Tolak");
  await sari.sees("Panggilan ditolak");
  await sari.dial("1003");
  await sari.sees("Tidak diangkat");
  await dewi.leave();
});

it("a connection that is cut ends no call, and what is said of it afterwards is heard", async () => {
  const { port, host } = new URL(house.demo.sip.ws);
  const wire = await Wire.between(house.ports.take(2), Number(port));
  const other = await browser(`--host-resolver-rules=MAP ${host} 127.0.0.1:${wire.port}`);
  try {
    const dewi = await Person.staff(house, house.staff(2), DEWI, { browser: other });
    const guest = await Person.guest(house, "Ani", GUEST, { browser: other });
    await guest.press(/Resepsionis/);
    await dewi.press("Angkat");
    await hears(dewi, GUEST);
    wire.cut();
    for (const person of [dewi, guest]) await person.sees("Sambungan terputus, mencoba lagi…");
    await hears(dewi, GUEST);
    await hears(guest, DEWI);
    wire.mend();
    for (const person of [dewi, guest]) await person.seesNoMore("Sambungan terputus, mencoba lagi…");
    await hears(dewi, GUEST);
    await hears(guest, DEWI);
    await guest.press("Akhiri");
    await dewi.sees("Panggilan selesai");

    // Who hangs up while nobody can be told has hung up all the same.
    await dewi.dial("1002");
    await budi.talks();
    await hears(budi, DEWI);
    wire.cut();
    await dewi.sees("Sambungan terputus, mencoba lagi…");
    await dewi.press("Akhiri");
    await dewi.sees("Panggilan selesai");
    wire.mend();
    await budi.isLetGo();
    for (const person of [dewi, guest]) await person.leave(/WebSocket/);
  } finally {
    await other.close();
    wire.close();
  }
});
