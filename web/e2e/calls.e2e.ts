/// <reference types="node" />
/** Calls by browsers alone, through the switch: what a guest sees, what who answers sees, and that each hears the other (issue 7; H-020 to H-026). */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessible } from "./accessible";
import { House } from "./house";
import { seen, signIn } from "./told";

let house: House;

beforeAll(async () => {
  house = await House.open();
});

afterAll(() => house?.close());

/** A page of somebody's own, whose calls can be asked what they hear. */
async function page(phone: boolean): Promise<Page> {
  const context = await house.visitor({ phone });
  await context.addInitScript(() => {
    const Original = window.RTCPeerConnection;
    const calls: RTCPeerConnection[] = [];
    Object.assign(window, { calls });
    window.RTCPeerConnection = class extends Original {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        calls.push(this);
      }
    };
  });
  return context.newPage();
}

/** The energy of what the last call of a page has heard, which is nothing where only silence came. */
function heard(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const calls = (window as unknown as { calls: RTCPeerConnection[] }).calls;
    const stats = [...((await calls.at(-1)?.getStats())?.values() ?? [])];
    return stats.reduce(
      (sum, one) => sum + (one.type === "inbound-rtp" ? (one.totalAudioEnergy ?? 0) : 0),
      0,
    );
  });
}

async function hears(page: Page): Promise<void> {
  await expect.poll(() => heard(page), { timeout: 20_000 }).toBeGreaterThan(0);
}

it("a guest scans the code, calls, is answered in a browser, and says how it was", async () => {
  const sari = house.demo.staff[0];
  if (sari === undefined || house.demo.guest_url === null)
    throw new Error("the demo has no staff or no code");
  const desk = await page(false);
  await phone(desk, sari);

  const pocket = await page(true);
  await pocket.goto(house.demo.guest_url);
  await pocket.getByLabel("Nama Anda").fill("Budi");
  await accessible(pocket);
  await pocket.getByRole("button", { name: "Lanjut" }).click();
  await pocket.getByRole("button", { name: /Resepsionis/ }).waitFor();
  await accessible(pocket);
  await pocket.getByRole("button", { name: /Resepsionis/ }).click();
  await pocket.getByText("Berdering…").waitFor();
  await desk.getByRole("heading", { name: "Budi" }).waitFor();
  await desk.getByRole("button", { name: "Angkat" }).first().click();
  await pocket.getByText("Tersambung").waitFor();
  await desk.getByText("Tersambung").waitFor();
  await accessible(pocket);
  await hears(pocket);
  await hears(desk);

  await pocket.getByRole("button", { name: "Akhiri" }).click();
  await desk.getByText("Panggilan selesai").waitFor();
  await pocket.getByRole("heading", { name: "Bagaimana panggilannya?" }).waitFor();
  await accessible(pocket);
  await pocket.getByText("5 dari 5").click({ force: true });
  await pocket.getByRole("button", { name: "Kirim" }).click();
  await pocket.getByText("Terima kasih atas tanggapan Anda.").waitFor();
});

it("a call is sent on to an extension that is open now, found by its name (H-034)", async () => {
  const [sari, colleague] = house.demo.staff;
  const target = house.demo.extensions.find((one) => one.number === colleague?.extensions[0]);
  if (!sari || !colleague || !target || house.demo.guest_url === null)
    throw new Error("the demo has too few staff or extensions");
  const [desk, other] = [await page(false), await page(false)];
  const closed = await closedExtension(desk);
  await phone(desk, sari);
  await phone(other, colleague);

  const pocket = await page(true);
  await pocket.goto(house.demo.guest_url);
  await pocket.getByLabel("Nama Anda").fill("Siti");
  await pocket.getByRole("button", { name: "Lanjut" }).click();
  await pocket.getByRole("button", { name: /Resepsionis/ }).click();
  await desk.getByRole("button", { name: "Angkat" }).first().click();
  await pocket.getByText("Tersambung").waitFor();

  await desk.getByRole("button", { name: "Alihkan", exact: true }).click();
  const offered = desk.getByRole("list", { name: "Ekstensi yang buka sekarang" });
  await offered.getByRole("button", { name: target.name }).waitFor();
  expect(await offered.getByRole("button", { name: closed }).count()).toBe(0);
  await seen(desk, "transfer-desk");
  await desk.setViewportSize({ width: 390, height: 844 });
  await seen(desk, "transfer-pocket");
  await desk.getByLabel("Nama atau nomor").fill(target.name.slice(0, 4).toLowerCase());
  await offered.getByRole("button", { name: target.name }).waitFor();
  await expect.poll(() => offered.getByRole("button").count()).toBe(1);
  await desk.getByLabel("Nama atau nomor").fill("0812-3456");
  await offered.getByRole("button", { name: "Nomor 08123456" }).waitFor();
  await desk.getByLabel("Nama atau nomor").fill(target.number);
  await offered.getByRole("button", { name: target.name }).click();
  await desk.getByRole("button", { name: "Alihkan langsung" }).click();
  await other.getByRole("heading", { name: "Siti" }).waitFor();
  await other.getByRole("button", { name: "Angkat" }).first().click();
  await other.getByText("Tersambung").waitFor();
  await desk.getByText("Panggilan selesai").waitFor();
  await hears(pocket);
  await pocket.getByRole("button", { name: "Akhiri" }).click();
});

async function phone(page: Page, who: { email: string; password: string }): Promise<void> {
  await signIn(page, who);
  await page.getByText("Telepon siap").waitFor();
}

/** The name of a new extension, which is open on a day that is nowhere now. */
async function closedExtension(page: Page): Promise<string> {
  const { email, password } = house.demo.owner;
  const signedIn = await page.request.post("/api/identity/sign-ins", { data: { email, password } });
  const headers = { authorization: `Bearer ${(await signedIn.json()).access_token}` };
  const data = { number: "900", name: "Kantor malam" };
  const made = await page.request.post("/api/telephony/extensions", { headers, data });
  expect(made.ok(), await made.text()).toBe(true);
  const path = `/api/telephony/extensions/${(await made.json()).id}/hours`;
  const version = (await page.request.get(path, { headers })).headers()["etag"] ?? "";
  const day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getUTCDay() + 3) % 7];
  const hours = { windows: [{ day, start: "08:00", end: "17:00" }] };
  const put = await page.request.put(path, { headers: { ...headers, "if-match": version }, data: hours });
  expect(put.ok(), await put.text()).toBe(true);
  return data.name;
}
