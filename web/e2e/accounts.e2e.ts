/// <reference types="node" />
/** Accounts: made, got back, invited into an organisation, and what is one's own in them (H-003 … H-007, H-032). */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { House } from "./house";
import { Letters } from "./letters";
import { seen, signIn, type Tell, teller, VISITS } from "./told";
import { code } from "./totp";

const PASSWORD = "rahasia-1";

let house: House;
const told: Tell = teller(() => house);

beforeAll(async () => {
  house = await House.open();
});

afterAll(() => house?.close());

/** Asks the API as somebody who has signed in with it. */
async function asked(
  page: Page,
  path: string,
  token: string,
  data: object,
): Promise<Record<string, unknown>> {
  const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  const answer = await page.request.post(path, { headers, data });
  expect(answer.ok(), await answer.text()).toBe(true);
  return (answer.headers()["content-length"] === "0" ? {} : await answer.json()) as Record<string, unknown>;
}

async function token(page: Page, { email, password }: { email: string; password: string }): Promise<string> {
  const { access_token } = await asked(page, "/api/identity/sign-ins", "", { email, password });
  return String(access_token);
}

async function invite(page: Page, email: string): Promise<string> {
  const owner = await token(page, house.demo.owner);
  await asked(page, "/api/identity/invitations", owner, { email, role: "call_agent" });
  return new Letters(house, email).link("invitation");
}

/** Opens what a letter asks to open. Nothing of its token is left in the address, nor in where "back" leads. */
async function open(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  expect(new URL(link).hash).toMatch(/^#token=.{20}/);
  expect(page.url()).toBe(link.split("#")[0]);
}

describe.each(VISITS)("at a %s", (where, visit) => {
  it("the rule for passwords is told while one is typed, and what is missing by its field (H-004)", async () => {
    await told(visit, async (page) => {
      await page.goto("/sign-in");
      await page.getByRole("link", { name: "Daftar" }).click();
      await page.getByRole("button", { name: "Buat akun" }).click();
      const name = page.getByLabel("Nama Anda");
      expect(await name.getAttribute("aria-invalid")).toBe("true");
      expect(await name.evaluate((field) => field === document.activeElement)).toBe(true);
      await page.getByLabel("Kata sandi", { exact: true }).fill("rahasia1");
      expect(await page.getByRole("listitem").allTextContents()).toEqual([
        "minimal 8 karakter, terpenuhi",
        "satu angka, terpenuhi",
        "satu simbol, belum terpenuhi",
      ]);
      await seen(page, `register-${where}`);
    });
  });

  it("pages of letters that are come to without one say so, and where to get one", async () => {
    await told(visit, async (page) => {
      for (const [path, ways] of [
        ["confirm", ["/register", "/sign-in"]],
        ["reset-password", ["/forgot-password", "/sign-in"]],
        ["invitation", ["/sign-in"]],
      ] as const) {
        await page.goto(`/${path}`);
        await page.getByRole("heading", { name: "Buka tautan dari surat Anda" }).waitFor();
        const links = await page.getByRole("main").getByRole("link").all();
        expect(await Promise.all(links.map((link) => link.getAttribute("href")))).toEqual(ways);
        await seen(page, `${path}-without-${where}`);
      }
    });
  });

  it("a forgotten password is asked for in the same words, whoever it is (H-005)", async () => {
    await told(visit, async (page) => {
      await page.goto("/sign-in");
      await page.getByRole("link", { name: "Lupa kata sandi?" }).click();
      await page.getByRole("heading", { name: "Lupa kata sandi" }).waitFor();
      await seen(page, `forgot-${where}`);
      await page.getByLabel("Alamat e-mail").fill(`nobody-${where}@example.test`);
      await page.getByRole("button", { name: "Kirim tautan" }).click();
      await page.getByText(`Bila ada akun dengan alamat nobody-${where}@example.test`).waitFor();
      await seen(page, `forgot-sent-${where}`);
    });
  });

  it("one's own settings are looked at", async () => {
    await told(visit, async (page) => {
      await signIn(page, house.demo.owner);
      await page.waitForURL("**/phone");
      await page.getByRole("link", { name: "Pengaturan" }).click();
      await page.getByText("Belum aktif.").waitFor();
      await page.getByText("Di sini", { exact: true }).waitFor();
      await seen(page, `settings-${where}`);
      await page.getByRole("radio", { name: "English" }).check();
      await page.getByRole("heading", { name: "Settings" }).waitFor();
      await page.getByRole("link", { name: "Phone" }).click();
      await page.waitForURL("**/phone");
    });
  });
});

it("who registers confirms the address by a letter, and only then signs in (H-003)", async () => {
  await told({}, async (page) => {
    const [email, letters] = ["budi@example.test", new Letters(house, "budi@example.test")];
    await page.goto("/register");
    await page.getByLabel("Nama Anda").fill("Budi Santoso");
    await page.getByLabel("Alamat e-mail").fill(email);
    await page.getByLabel("Kata sandi", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Buat akun" }).click();
    await page.getByRole("heading", { name: "Periksa e-mail Anda" }).waitFor();
    await seen(page, "register-sent-desk");
    await signIn(page, { email, password: PASSWORD });
    await page.getByRole("alert").getByText("Alamat e-mail atau kata sandi salah.").waitFor();

    await open(page, await letters.link("confirm"));
    await seen(page, "confirm-desk");
    await page.getByLabel("Kata sandi", { exact: true }).fill("rahasia-2");
    await page.getByRole("button", { name: "Konfirmasi" }).click();
    await page
      .getByRole("alert")
      .getByText(/bukan yang dipilih saat mendaftar/)
      .waitFor();
    await page.getByLabel("Kata sandi", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Konfirmasi" }).click();
    await page.getByRole("heading", { name: "Akun Anda sudah siap" }).waitFor();
    await seen(page, "confirmed-desk");
    await page.getByRole("link", { name: "Masuk" }).click();
    await signIn(page, { email, password: PASSWORD });
    await page.getByText("Anda belum menjadi anggota organisasi mana pun.").waitFor();
  });
});

it("a forgotten password is set anew by a letter, once, and signs out everywhere (H-006)", async () => {
  const staff = house.staff(1);
  await told({ phone: true }, async (page) => {
    const letters = new Letters(house, staff.email);
    const before = await token(page, staff);
    await page.goto("/forgot-password");
    await page.getByLabel("Alamat e-mail").fill(staff.email);
    await page.getByRole("button", { name: "Kirim tautan" }).click();
    await page.getByRole("heading", { name: "Periksa e-mail Anda" }).waitFor();
    const link = await letters.link("reset-password");
    await open(page, link);
    await page.getByLabel("Kata sandi baru").fill("terlalu-mudah");
    await page.getByRole("button", { name: "Simpan kata sandi" }).click();
    await page.getByText("Kata sandinya belum memenuhi semua syarat di bawah.").waitFor();
    await seen(page, "reset-pocket");
    await page.getByLabel("Kata sandi baru").fill("kata-sandi-2");
    await page.getByRole("button", { name: "Simpan kata sandi" }).click();
    await page.getByRole("heading", { name: "Kata sandi Anda telah diganti" }).waitFor();
    const headers = { authorization: `Bearer ${before}` };
    expect((await page.request.get("/api/identity/me", { headers })).status()).toBe(401);

    // The same link, opened where the page is open already.
    await page.evaluate((hash) => location.assign(hash), new URL(link).hash);
    await page.getByLabel("Kata sandi baru").fill("kata-sandi-3");
    await page.getByRole("button", { name: "Simpan kata sandi" }).click();
    await page.getByRole("heading", { name: "Tautan ini tidak berlaku lagi" }).waitFor();
    expect(page.url()).not.toContain("#");
    await seen(page, "reset-over-pocket");
    await page.getByRole("link", { name: "Minta surat baru" }).click();
    await page.waitForURL("**/forgot-password");
    await signIn(page, { email: staff.email, password: "kata-sandi-2" });
    await page.waitForURL("**/phone");
  });
});

it("a person takes another name, which pages and colleagues know at once (H-032)", async () => {
  const staff = house.staff(0);
  await told({ phone: true }, async (page) => {
    await signIn(page, staff);
    await page.getByRole("link", { name: "Pengaturan" }).click();
    const name = page.getByLabel("Nama Anda");
    expect(await name.inputValue()).toBe(staff.name);
    await name.fill(" ");
    await page.getByRole("button", { name: "Simpan nama" }).click();
    await page.getByText("Isi nama Anda.").waitFor();
    await name.fill("Sari Wulandari");
    await page.getByRole("button", { name: "Simpan nama" }).click();
    await page.getByText("Nama Anda sudah disimpan.").waitFor();
    await page.getByText(`Sari Wulandari · ${staff.email}`).waitFor();
    await seen(page, "settings-name-pocket");
    const headers = { authorization: `Bearer ${await token(page, house.demo.owner)}` };
    const { items } = await (await page.request.get("/api/identity/members", { headers })).json();
    const names = items.map((one: { name: string }) => one.name);
    expect(names).toContain("Sari Wulandari");
    expect(names).not.toContain(staff.name);
  });
});

it("who is invited makes an account by it, and is told why the phone is off until there is a number", async () => {
  await told({ phone: true }, async (page) => {
    const email = "dewi@example.test";
    const link = await invite(page, email);
    await open(page, link);
    await seen(page, "invitation-pocket");
    await page.getByRole("button", { name: "Terima undangan" }).click();
    await page.getByRole("heading", { name: "Buat akun Anda" }).waitFor();
    await page.getByLabel("Nama Anda").fill("Dewi Lestari");
    await page.getByLabel("Kata sandi", { exact: true }).fill(PASSWORD);
    await seen(page, "invitation-account-pocket");
    await page.getByRole("button", { name: "Terima undangan" }).click();
    await page.getByRole("heading", { name: "Anda kini anggota" }).waitFor();
    await page.getByRole("link", { name: "Masuk" }).click();
    await signIn(page, { email, password: PASSWORD });
    await page.getByRole("heading", { name: "Anda belum punya nomor" }).waitFor();
    expect(await page.getByText("Telepon belum menyala").count()).toBe(0);
    await seen(page, "phone-without-number-pocket");

    // Somebody who may gives them one, and nothing has to be loaded anew.
    const headers = { authorization: `Bearer ${await token(page, house.demo.owner)}` };
    const mine = await page.evaluate(() => JSON.parse(localStorage.getItem("sambung.sign-in") ?? "{}"));
    const path = `/api/telephony/numbers/${mine.me.person.id}`;
    const given = await page.request.put(path, {
      headers: { ...headers, "if-none-match": "*" },
      data: { number: "1990" },
    });
    expect(given.ok(), await given.text()).toBe(true);
    await page.getByRole("button", { name: "Periksa lagi" }).click();
    await page.getByText("Telepon siap").waitFor();

    await open(page, link);
    await page.getByRole("button", { name: "Terima undangan" }).click();
    await page.getByRole("heading", { name: "Undangan ini tidak berlaku lagi" }).waitFor();
  });
});

it("an invitation may be declined, and a member of elsewhere accepts it without another account", async () => {
  await told({}, async (page) => {
    await open(page, await invite(page, "tono@example.test"));
    await page.getByRole("button", { name: "Tolak" }).click();
    await page.getByRole("heading", { name: "Undangan ditolak" }).waitFor();
    await seen(page, "invitation-declined-desk");

    const link = await invite(page, "budi@example.test");
    await signIn(page, { email: "budi@example.test", password: PASSWORD });
    await page.getByText("Anda belum menjadi anggota organisasi mana pun.").waitFor();
    await open(page, link);
    await page.getByRole("button", { name: "Terima undangan" }).click();
    await page.getByRole("heading", { name: "Anda kini anggota" }).waitFor();
    await page.getByRole("link", { name: "Ke telepon" }).click();
    await page.getByRole("heading", { name: "Anda belum punya nomor" }).waitFor();
  });
});

it("a second factor is turned on with a phone, asked for, and turned off; what is signed in elsewhere is ended", async () => {
  const staff = house.staff(2);
  await told({}, async (page) => {
    const program = { "content-type": "application/json", "user-agent": "curl/8.14.1" };
    const { email, password } = staff;
    const body = JSON.stringify({ email, password });
    const begun = await fetch(`${house.demo.http}/api/identity/sign-ins`, {
      method: "POST",
      headers: program,
      body,
    });
    const { access_token: elsewhere } = (await begun.json()) as { access_token: string };
    await signIn(page, staff);
    await page.waitForURL("**/phone");
    await page.getByRole("link", { name: "Pengaturan" }).click();
    await page.getByRole("button", { name: "Aktifkan" }).click();
    await page.getByLabel("Kata sandi Anda sekarang").fill("bukan-yang-1");
    await page.getByRole("button", { name: "Lanjut" }).click();
    await page.getByText("Kata sandi salah.").waitFor();
    await page.getByLabel("Kata sandi Anda sekarang").fill(staff.password);
    await page.getByRole("button", { name: "Lanjut" }).click();
    const picture = page.getByRole("img", { name: "Kode QR untuk aplikasi autentikator" });
    await picture.waitFor();
    expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(200);
    const key = (await page.locator("code").textContent()) ?? "";
    await seen(page, "second-factor-scan-desk");
    await page.getByLabel("Kode dari aplikasi").fill("000000");
    await page.getByRole("button", { name: "Konfirmasi" }).click();
    await page.getByText("Kode salah. Tunggu kode berikutnya, lalu coba lagi.").waitFor();
    await page.getByLabel("Kode dari aplikasi").fill(code(key));
    await page.getByRole("button", { name: "Konfirmasi" }).click();
    await page.getByRole("heading", { name: "Simpan kode pemulihan Anda" }).waitFor();
    const recovery = await page.locator("ol li").allInnerTexts();
    expect(new Set(recovery).size).toBe(10);
    await seen(page, "second-factor-recovery-desk");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Simpan sebagai berkas" }).click();
    expect((await download).suggestedFilename()).toBe("kode-pemulihan-sambung.txt");
    await page.getByRole("button", { name: "Sudah saya simpan" }).click();
    await page.getByText(/Aktif sejak .*Sisa kode pemulihan: 10\./).waitFor();

    await page.getByRole("button", { name: "Akhiri curl" }).click();
    await page.getByText("Sudah diakhiri.").waitFor();
    const headers = { authorization: `Bearer ${elsewhere}` };
    expect((await page.request.get("/api/identity/me", { headers })).status()).toBe(401);
    await page.getByRole("button", { name: "Keluar", exact: true }).click();
    await page.waitForURL("**/sign-in");

    await signIn(page, staff);
    // A code is good once: the next one, which is taken a little early.
    await page.getByLabel("Kode", { exact: true }).fill(code(key, 1));
    await seen(page, "sign-in-code-desk");
    await page.getByRole("button", { name: "Masuk", exact: true }).click();
    await page.waitForURL("**/phone");
    await page.goto("/settings");
    await page.getByRole("button", { name: "Nonaktifkan" }).click();
    await page.getByLabel("Kata sandi Anda sekarang").fill(staff.password);
    await page.getByLabel("Kode", { exact: true }).fill(recovery[0] ?? "");
    await page.getByRole("button", { name: "Nonaktifkan" }).click();
    await page.getByText("Belum aktif.").waitFor();
  });
});
