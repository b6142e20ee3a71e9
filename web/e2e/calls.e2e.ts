/// <reference types="node" />
/** Calls by browsers alone, through the switch: what a guest sees, what who answers sees, and that each hears the other (issue 7; H-020 to H-026). */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessible } from "./accessible";
import { House } from "./house";

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
  await desk.goto("/sign-in");
  await desk.getByLabel("Alamat e-mail").fill(sari.email);
  await desk.getByLabel("Kata sandi", { exact: true }).fill(sari.password);
  await desk.getByRole("button", { name: "Masuk", exact: true }).click();
  await desk.getByText("Telepon siap").waitFor();

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
