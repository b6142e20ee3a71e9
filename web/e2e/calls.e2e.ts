/// <reference types="node" />
/**
 * Calls by browsers alone, through the switch: what a guest with a phone in one hand sees, what who answers sees, and that each hears the other
 * (issue 7; H-020 to H-026, H-034).
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { GuestCallPass } from "../src/api/guest";
import { LANGUAGES } from "../src/i18n/language";
import { House } from "./house";
import { Person } from "./person";
import { seen } from "./told";
import { hears } from "./tones";

/** What each plays, in hertz. */
const GUEST = 600;
const SARI = 1_000;
const BUDI = 800;
/** Keys until whatever is wanted has the focus. */
const TABS_MAX = 20;
/** Octets of a pass before the second in which it ends (`contract::guests`): its form, and three ids. */
const PASS_ENDS_AT = 1 + 3 * 16;

// Calls take the time that people take, and longer where many want the machine.
vi.setConfig({ testTimeout: 120_000 });

let house: House;
/** Sari at her browser, the only one of 100 who is there. */
let sari: Person;

beforeAll(async () => {
  house = await House.open();
  // Why somebody cannot be had is read here, and not heard.
  house.describe((described) => described.replace("announcements = true", "announcements = false"));
  sari = await Person.staff(house, house.staff(0), SARI);
});

afterAll(async () => {
  await sari?.leave();
  await house?.close();
});

/** Sari takes the call of somebody who is called so, and each hears the other. */
async function talk(guest: Person, name: string): Promise<void> {
  await sari.page.getByRole("heading", { name }).waitFor();
  await sari.press("Angkat");
  await hears(guest, SARI);
  await hears(sari, GUEST);
}

/** Sari is told that her call with somebody is over. */
async function over(name: string): Promise<void> {
  await sari.page.getByRole("region", { name }).getByText("Panggilan selesai").waitFor();
}

describe.each([
  ["Indonesian", "id", "id-ID"],
  ["English", "en", "en-GB"],
] as const)("in %s", (_, language, locale) => {
  const { guest: said, call, feedback, app } = LANGUAGES[language];
  const sentences = {
    id: { declined: "Panggilan ditolak", busy: "Sedang sibuk", refused: "Panggilan tidak diizinkan" },
    en: { declined: "The call was declined", busy: "Busy", refused: "The call is not permitted" },
  }[language];

  it("a guest scans the code, calls, is answered in a browser, and says how it was, all by a finger", async () => {
    const guest = await Person.with(house, GUEST, { phone: true, locale });
    const { page } = guest;
    await page.goto(house.demo.guest_url ?? "");
    await page.getByLabel(said.nameLabel).fill("Budi");
    await seen(page, `guest-door-${language}`);
    await guest.button(said.start).tap();
    await guest.button(/Resepsionis/).waitFor();
    await seen(page, `guest-inside-${language}`);
    await guest.button(/Resepsionis/).tap();
    await guest.sees(call.ringing);
    await seen(page, `guest-ringing-${language}`);
    await talk(guest, "Budi");
    await guest.sees(call.talking);
    await guest.button(call.keypad).tap();
    await guest.button(call.key("5")).tap();
    await seen(page, `guest-talking-${language}`);
    await guest.button(call.hangUp).tap();
    await over("Budi");
    await page.getByRole("heading", { name: feedback.title }).waitFor();
    await seen(page, `guest-feedback-${language}`);
    await page
      .locator("label")
      .filter({ hasText: feedback.score(5) })
      .tap();
    await page.getByLabel(feedback.text).fill("Cepat dijawab");
    await guest.button(feedback.send).tap();
    await guest.sees(feedback.thanks);
    await seen(page, `guest-thanks-${language}`);
    await guest.button(app.back).tap();
    await guest.button(said.leave).tap();
    await page.getByLabel(said.nameLabel).waitFor();
    await guest.leave();
  });

  it("and by keyboard alone", async () => {
    const guest = await Person.with(house, GUEST, { locale });
    const { page } = guest;
    await page.goto(house.demo.guest_url ?? "");
    const name = page.getByLabel(said.nameLabel);
    await name.waitFor();
    await tabTo(name);
    await page.keyboard.type("Citra");
    await page.keyboard.press("Enter");
    await guest.button(/Resepsionis/).waitFor();
    await tabTo(guest.button(/Resepsionis/));
    await page.keyboard.press("Enter");
    await talk(guest, "Citra");
    await tabTo(guest.button(call.hangUp));
    await page.keyboard.press("Enter");
    await over("Citra");
    const scores = page.getByRole("radio");
    await scores.first().waitFor();
    await tabTo(scores.first());
    await page.keyboard.press("Space");
    for (let n = 1; n < 4; n++) await page.keyboard.press("ArrowRight");
    expect(await scores.nth(3).isChecked()).toBe(true);
    await tabTo(guest.button(feedback.send));
    await page.keyboard.press("Enter");
    await guest.sees(feedback.thanks);
    await tabTo(guest.button(app.back));
    await page.keyboard.press("Enter");
    await guest.button(/Resepsionis/).waitFor();
    await guest.leave();
  });

  it("who is not taken by anybody is told why in a sentence, and may try again", async () => {
    const [ani, beni] = await Promise.all(
      ["Ani", "Beni"].map((name) => Person.guest(house, name, GUEST, { locale })),
    );
    if (ani === undefined || beni === undefined) throw new Error("nobody has come");
    await ani.press(/Resepsionis/);
    await sari.press("Tolak");
    await ani.sees(sentences.declined);
    // All are busy: the only one there is in a call, and does not want another one to ring.
    house.sambung("people", "call-waiting", house.staff(0).number, "--off");
    await beni.press(/Resepsionis/);
    await talk(beni, "Beni");
    await ani.press(/Resepsionis/);
    await ani.sees(sentences.busy);
    await beni.press(call.hangUp);
    await over("Beni");
    house.sambung("people", "call-waiting", house.staff(0).number);
    await ani.press(/Resepsionis/);
    await talk(ani, "Ani");
    await ani.press(call.hangUp);
    await over("Ani");
    for (const guest of [ani, beni]) await guest.leave();
  });

  it("a guest whose pass is used, over or somebody else's is told so in a sentence, and rings nobody", async () => {
    const guest = await Person.guest(house, "Ani", GUEST, { locale });
    let used: GuestCallPass | undefined;
    // Signed as the API signs, so it is good; and as it has been used after it.
    await given(guest, (pass) => {
      used = signed(pass, 0);
      return used;
    });
    await guest.press(/Resepsionis/);
    await sari.press("Tolak");
    await guest.sees(sentences.declined);
    for (const bad of [
      (pass: GuestCallPass) => used ?? pass,
      (pass: GuestCallPass) => signed(pass, -3_600),
      (pass: GuestCallPass) => ({ ...pass, password: signed(pass, 1).password }),
    ]) {
      await given(guest, bad);
      await guest.press(/Resepsionis/);
      await guest.sees(sentences.refused);
      expect(await sari.button("Angkat").count()).toBe(0);
    }
    await guest.leave();
  });
});

/** Moves the focus by keyboard. */
async function tabTo(target: Locator): Promise<void> {
  const { keyboard } = target.page();
  for (let n = 0; n < TABS_MAX; n++) {
    await keyboard.press("Tab");
    if (await target.evaluate((one) => one === document.activeElement)) return;
  }
  throw new Error(`${target} cannot be come to by keyboard`);
}

/** Of the passes that the API makes for this guest from now on the page is given another one. */
async function given(guest: Person, other: (pass: GuestCallPass) => GuestCallPass): Promise<void> {
  await guest.button(/Resepsionis/).waitFor();
  await guest.page.unroute("**/api/guest/calls");
  await guest.page.route("**/api/guest/calls", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const response = await route.fetch();
    return route.fulfill({ response, json: other(await response.json()) });
  });
}

/** The same pass, which ends so many seconds later, by the secret that both daemons know. */
function signed(pass: GuestCallPass, later: number): GuestCallPass {
  const [prefix, said = ""] = pass.username.split(".");
  const bytes = Buffer.from(said, "base64url");
  bytes.writeUInt32BE(bytes.readUInt32BE(PASS_ENDS_AT) + later, PASS_ENDS_AT);
  const username = `${prefix}.${bytes.toString("base64url")}`;
  const secret = readFileSync(join(house.folder, "conf/guest-secret"), "utf8").trim();
  const password = createHmac("sha256", Buffer.from(secret, "hex")).update(username).digest("base64url");
  return { ...pass, username, password };
}

it("a call is sent on to an extension that is open now, found by its name (H-034)", async () => {
  const colleague = house.staff(1);
  const target = house.demo.extensions.find((one) => one.number === colleague.extensions[0]);
  if (!target) throw new Error("the demo has too few extensions");
  const { page } = sari;
  const closed = await closedExtension();
  const other = await Person.staff(house, colleague, BUDI);
  const guest = await Person.guest(house, "Siti", GUEST);
  await guest.press(/Resepsionis/);
  await talk(guest, "Siti");

  await sari.press("Alihkan");
  const offered = page.getByRole("list", { name: "Ekstensi yang buka sekarang" });
  await offered.getByRole("button", { name: target.name }).waitFor();
  expect(await offered.getByRole("button", { name: closed }).count()).toBe(0);
  await seen(page, "transfer-desk");
  await page.setViewportSize({ width: 390, height: 844 });
  await seen(page, "transfer-pocket");
  const wanted = page.getByLabel("Nama atau nomor");
  await wanted.fill(target.name.slice(0, 4).toLowerCase());
  await offered.getByRole("button", { name: target.name }).waitFor();
  await expect.poll(() => offered.getByRole("button").count()).toBe(1);
  await wanted.fill("0812-3456");
  await offered.getByRole("button", { name: "Nomor 08123456" }).waitFor();
  await wanted.fill(target.number);
  await offered.getByRole("button", { name: target.name }).click();
  await sari.press("Alihkan langsung");
  await other.page.getByRole("heading", { name: "Siti" }).waitFor();
  await other.press("Angkat");
  await over("Siti");
  await hears(guest, BUDI);
  await hears(other, GUEST);
  await guest.press("Akhiri");
  for (const person of [guest, other]) await person.leave();
});

/** The name of a new extension, which is open on a day that is nowhere now. */
async function closedExtension(): Promise<string> {
  const day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getUTCDay() + 3) % 7];
  const name = "Kantor malam";
  house.describe(
    (described) =>
      `${described}\n[[extension]]\nnumber = "900"\nname = "${name}"\nhours = ["${day} 08:00-17:00"]\n`,
  );
  return name;
}

it("a code that is nobody's, or was replaced, lets nobody in and says what to do", async () => {
  const headers = { authorization: `Bearer ${house.demo.api_key}` };
  const replaced = await fetch(new URL("/api/identity/organisation/qr", house.demo.http), {
    method: "POST",
    headers,
  });
  expect(replaced.status).toBe(201);
  const before = house.demo.guest_url ?? "";
  for (const [url, locale, title, hint] of [
    ["/g/AAAAAAAAAAAAAAAAAAAAAA", "id-ID", "Kode ini tidak dikenal", /pindai lagi kode QR-nya/],
    ["/g/AAAAAAAAAAAAAAAAAAAAAA", "en-GB", "This code is not known", /scan the QR code again/],
    [before, "id-ID", "Kode QR ini sudah diganti", /Mintalah kode QR yang baru/],
    [before, "en-GB", "This QR code has been replaced", /Ask the organisation for the new one/],
  ] as const) {
    const guest = await Person.with(house, GUEST, { phone: true, locale });
    await guest.page.goto(url);
    await guest.page.getByRole("heading", { name: title }).waitFor();
    await guest.sees(hint);
    await seen(guest.page, `guest-${title}`);
    await guest.leave(/40[04]|410/);
  }
});
