/// <reference types="node" />
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessible } from "./accessible";
import { House } from "./house";

let house: House;

beforeAll(async () => {
  house = await House.open();
});

afterAll(() => house?.close());

interface Visit {
  readonly locale?: string;
  readonly phone?: boolean;
  readonly dark?: boolean;
}

/** Runs `story` with a page of somebody's own, in which the browser has complained of nothing. */
async function told(visit: Visit, story: (page: Page) => Promise<void>): Promise<void> {
  const context = await house.visitor(visit);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // An answer that is a problem is told by the browser too; the stories look at what the page makes of it.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) complaints.push(message.text());
  });
  await story(page);
  expect(complaints).toEqual([]);
  await context.close();
}

async function seen(page: Page, name: string): Promise<void> {
  await accessible(page);
  if (process.env["SCREENSHOTS"])
    await page.screenshot({ path: `e2e/screenshots/${name}.png`, fullPage: true });
}

async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Alamat e-mail").fill(email);
  await page.getByLabel("Kata sandi", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Masuk", exact: true }).click();
  await page.waitForURL("**/phone");
}

describe.each([
  ["desk", { phone: false }],
  ["dark", { phone: false, dark: true }],
  ["pocket", { phone: true }],
] as const)("at a %s", (where, visit) => {
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
      const sari = house.demo.staff[0];
      if (sari === undefined) throw new Error("the demo has no staff");
      await signIn(page, sari);
      await page.getByRole("heading", { name: "Panggilan terakhir" }).waitFor();
      await page.getByRole("button", { name: "Tombol 5" }).click();
      expect(await page.getByRole("textbox").inputValue()).toBe("5");
      await seen(page, `phone-${where}`);
      await page.getByRole("button", { name: "Keluar" }).click();
      await page.waitForURL("**/sign-in");
    });
  });
});

describe("one phone in one tab (H-025)", () => {
  it("another tab asks, takes over, and the first one tells so", async () => {
    const context = await house.visitor();
    const first = await context.newPage();
    await signIn(first, house.demo.owner);
    await first.getByRole("textbox").waitFor();
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
