/// <reference types="node" />
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessible } from "./accessible";
import { House } from "./house";
import { seen, signIn, type Tell, teller, VISITS } from "./told";

let house: House;
const told: Tell = teller(() => house);

beforeAll(async () => {
  house = await House.open();
});

afterAll(() => house?.close());

describe.each(VISITS)("at a %s", (where, visit) => {
  it("the first visit asks who one is, and leads there", async () => {
    await told(visit, async (page) => {
      await page.goto("/");
      await page.getByRole("heading", { name: "Selamat datang" }).waitFor();
      expect(await page.getByRole("main").getByRole("navigation").getByRole("link").count()).toBe(2);
      await seen(page, `home-${where}`);
      await page.getByRole("link", { name: /^Tamu/ }).click();
      await page.getByLabel("Kode organisasi").waitFor();
      await seen(page, `enter-${where}`);
    });
  });

  it("a wrong password is told as one sentence, to who listens too", async () => {
    await told(visit, async (page) => {
      await page.goto("/sign-in");
      await page.getByLabel("Alamat e-mail").fill("nobody@example.test");
      await page.getByLabel("Kata sandi", { exact: true }).fill("salah-sekali-1");
      await page.getByRole("button", { name: "Masuk", exact: true }).click();
      await page.getByRole("alert").getByText("Alamat e-mail atau kata sandi salah.").waitFor();
      await seen(page, `sign-in-${where}`);
    });
  });

  it("staff sign in, have a phone of their own, and sign out", async () => {
    await told(visit, async (page) => {
      const sari = house.staff(0);
      await signIn(page, sari);
      await page.waitForURL("**/phone");
      await page.getByRole("heading", { name: "Panggilan terakhir" }).waitFor();
      await page.getByRole("button", { name: "Tombol 5" }).click();
      expect(await page.getByRole("textbox").inputValue()).toBe("5");
      await seen(page, `phone-${where}`);
      await page.getByRole("button", { name: "Keluar", exact: true }).click();
      await page.waitForURL("**/sign-in");
    });
  });
});

describe("one phone in one tab (H-025)", () => {
  it("another tab asks, takes over, and the first one tells so", async () => {
    const context = await house.visitor();
    const first = await context.newPage();
    // An owner has no number until they have chosen one.
    await signIn(first, house.demo.owner);
    const number = first.getByLabel("Nomor Anda");
    await number.fill("1001");
    await first.getByRole("button", { name: "Pakai nomor ini" }).click();
    await first.getByText("Nomor ini sudah dipakai, atau tidak dapat dipakai.").waitFor();
    await seen(first, "phone-own-number-desk");
    await number.fill("1999");
    await first.getByRole("button", { name: "Pakai nomor ini" }).click();
    await first.getByText("Telepon siap").waitFor();
    const second = await context.newPage();
    await second.goto("/phone");
    await second.getByRole("heading", { name: "Telepon dipakai di tab lain" }).waitFor();
    await accessible(second);
    await second.getByRole("button", { name: "Pakai di sini" }).click();
    await second.getByRole("textbox").waitFor();
    await first.getByRole("heading", { name: "Telepon dipakai di tab lain" }).waitFor();
    await context.close();
  });
});

it("speaks the browser's language, and the other one when it is told to", async () => {
  await told({ locale: "en-GB" }, async (page) => {
    await page.goto("/sign-in");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    await page.getByRole("button", { name: "ID, Bahasa Indonesia" }).click();
    await page.getByRole("heading", { name: "Masuk" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Masuk" }).waitFor();
  });
});

it("can be walked through by keyboard alone", async () => {
  await told({}, async (page) => {
    await page.goto("/");
    await page.getByRole("heading", { name: "Selamat datang" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const code = page.getByLabel("Kode organisasi");
    await code.waitFor();
    // What is new on the page comes next, and not the whole head of it again.
    await page.keyboard.press("Tab");
    expect(await code.evaluate((field) => field === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await page.getByText("Ketik kode organisasi.").waitFor();
    expect(await code.getAttribute("aria-invalid")).toBe("true");
  });
});

it("sends who is not signed in away from the phone, and knows what it does not have", async () => {
  await told({}, async (page) => {
    await page.goto("/phone");
    await page.waitForURL("**/sign-in");
    expect((await page.request.get("/nowhere")).status()).toBe(404);
  });
});
