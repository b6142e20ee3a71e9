/// <reference types="node" />
/**
 * Signing in with an OpenID provider that nobody here wrote (oidc-provider, as in `control-api/tests/openid`), in a browser (H-007, decision 0065), and
 * coming in as a guest by it (H-009, decision 0074).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { House, type Staff } from "./house";
import { Person } from "./person";
import { Ports } from "./ports";
import { seen, signIn, type Tell, teller } from "./told";
import { hears } from "./tones";

let house: House;
let ports: Ports;
let provider: ChildProcess;
let issuer: string;
const folder = mkdtempSync(join(tmpdir(), "sambung-openid-"));
const told: Tell = teller(() => house);

beforeAll(async () => {
  ports = await Ports.claim();
  const at = ports.take(1);
  issuer = `http://127.0.0.1:${at}`;
  const secret = join(folder, "secret");
  writeFileSync(secret, "rahasia\n");
  const said = { issuer, client_id: "sambung", client_secret_file: secret };
  house = await House.open(
    Object.entries(said).map(([key, value]) => `openid.${key}=${JSON.stringify(value)}`),
  );
  const tools = resolve(process.env["CARGO_TARGET_DIR"] ?? "../target", "tools/openid");
  if (!existsSync(tools)) throw new Error(`${tools} is missing: run bin/install-deps test`);
  const script = readFileSync("../control-api/tests/openid/provider.mjs", "utf8");
  const redirect = `${house.demo.http}/sign-in/google`;
  const registered = [String(at), "sambung", "rahasia", redirect];
  provider = spawn("node", ["--input-type=module", "--eval", script, "--", ...registered], {
    cwd: tools,
    stdio: "ignore",
  });
  await vi.waitFor(() => reached(at), { timeout: 20_000 });
});

afterAll(async () => {
  provider?.kill();
  await house?.close();
  ports?.release();
  rmSync(folder, { recursive: true, force: true });
});

/** Refuses while nobody listens there. */
function reached(at: number): Promise<void> {
  return new Promise((is, isNot) => {
    const socket = connect(at, "127.0.0.1", () => {
      socket.destroy();
      is();
    });
    socket.once("error", isNot);
  });
}

/** At the provider this browser is somebody's already, who is not asked, and nobody else's any more. */
async function known(page: Page, email: string): Promise<void> {
  await page.context().clearCookies();
  await page.route(
    (url) => url.origin === issuer && url.pathname === "/auth",
    (route, request) => route.continue({ url: `${request.url()}&login_hint=${encodeURIComponent(email)}` }),
  );
}

it("the button leads to Google and back, and nothing of what it said stays in the address", async () => {
  await told({ phone: true }, async (page) => {
    const staff = house.staff(0);
    await known(page, staff.email);
    await page.goto("/sign-in");
    const button = page.getByRole("button", { name: "Masuk dengan Google" });
    await button.waitFor();
    await seen(page, "sign-in-google-pocket");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await button.click();
    await page.getByText("Telepon siap").waitFor();
    expect(new URL(page.url()).pathname).toBe("/phone");
    const back = asked.findIndex((url) => url.includes("/sign-in/google?"));
    expect(asked[back]).toMatch(/[?&]code=/);
    expect(asked.slice(back + 1).filter((url) => url.includes("code="))).toEqual([]);
    await page.goBack();
    expect(page.url()).not.toContain("code=");
  });
});

it("who comes back without having left, or whom Google does not know, is told so and led on", async () => {
  await told({}, async (page) => {
    await page.goto("/sign-in/google?state=x&code=y");
    await page.getByText(/dimulai di peramban lain/).waitFor();
    expect(page.url()).toBe(`${house.demo.http}/sign-in/google`);
    await seen(page, "google-over-desk");
    await page.getByRole("link", { name: "Kembali ke halaman masuk" }).click();
    await known(page, "unverified@example.test");
    await page.getByRole("button", { name: "Masuk dengan Google" }).click();
    await page.getByRole("heading", { name: "Masuk dengan Google tidak berhasil" }).waitFor();
    expect(page.url()).toBe(`${house.demo.http}/sign-in/google`);
  });
});

/** Goes from the settings to the provider, and comes back with whose account there it is; with the password it is linked. */
async function link(page: Page, who: Staff, email: string): Promise<void> {
  await known(page, email);
  await page.getByRole("link", { name: "Pengaturan" }).click();
  await page.getByRole("button", { name: "Tautkan akun Google" }).click();
  await page.getByText(/^Google sudah memastikan siapa Anda/).waitFor();
  expect(page.url()).toBe(`${house.demo.http}/settings`);
  await shown(page, who.password, "Tautkan akun Google");
}

/** Types a password, and presses what it is for. */
async function shown(page: Page, password: string, key: string): Promise<void> {
  await page.getByLabel("Kata sandi Anda sekarang").fill(password);
  await page.getByRole("button", { name: key }).click();
}

it("Google is linked in the settings by the password, lets in, is nobody else's, and is unlinked (H-032)", async () => {
  const [budi, dewi] = [house.staff(1), house.staff(2)];
  await told({}, async (page) => {
    await signIn(page, budi);
    await link(page, { ...budi, password: "bukan-yang-1" }, "budi@elsewhere.test");
    await page.getByText(/^Kata sandi salah, atau/).waitFor();
    await seen(page, "google-link-desk");
    await shown(page, budi.password, "Tautkan akun Google");
    await page.getByText(/^Tertaut sejak/).waitFor();
    await seen(page, "google-linked-desk");
    await page.getByRole("button", { name: "Keluar", exact: true }).click();
    await page.getByRole("button", { name: "Masuk dengan Google" }).click();
    await page.getByText("Telepon siap").waitFor();

    await told({}, async (other) => {
      await signIn(other, dewi);
      await link(other, dewi, "budi@elsewhere.test");
      await other.getByText("Akun Google itu sudah dipakai di akun lain di sini.").waitFor();
      await other.getByText("Belum tertaut.").waitFor();
    });

    await page.getByRole("link", { name: "Pengaturan" }).click();
    await page.getByText(budi.email).first().waitFor();
    await page.getByRole("button", { name: "Lepaskan akun Google" }).click();
    await shown(page, budi.password, "Lepaskan akun Google");
    await page.getByText("Belum tertaut.").waitFor();
  });
});

it("a guest comes in by Google behind the code, and is called there what Google says when they call", async () => {
  const code = house.demo.guest_url;
  if (code === null) throw new Error("the demo has no code");
  const [desk, guest] = [
    await Person.staff(house, house.staff(0), 1_000),
    await Person.with(house, 600, { phone: true }),
  ];
  const { page } = guest;
  await known(page, "tamu@example.test");
  await page.goto(code);
  await guest.button("Lanjut dengan Google").waitFor();
  await seen(page, "guest-google-pocket");
  await guest.button("Lanjut dengan Google").tap();
  await guest.sees("Halo, Sari Dewi");
  expect(page.url()).toBe(code);

  await guest.press(/Resepsionis/);
  await desk.page.getByRole("heading", { name: "Sari Dewi" }).waitFor();
  await desk.press("Angkat");
  await hears(guest, 1_000);
  await hears(desk, 600);
  await guest.press("Akhiri");
  await desk.sees("Panggilan selesai");
  await guest.press("Lewati");

  // They are who they were, without the provider, for as long as the visit lasts.
  await page.reload();
  await guest.sees("Halo, Sari Dewi");
  await guest.press("Selesai dan keluar");
  await guest.button("Lanjut dengan Google").waitFor();
  for (const person of [desk, guest]) await person.leave();
});

it("a guest who has thought better of it at Google is led back to the door, and comes in by name", async () => {
  await told({ phone: true }, async (page) => {
    const code = house.demo.guest_url ?? "";
    await page.goto(code);
    // What the provider answers to who declines (RFC 6749 §4.1.2.1).
    const back = `${house.demo.http}/sign-in/google?error=access_denied&state=x`;
    await page.route(
      (url) => url.origin === issuer,
      (route) => route.fulfill({ status: 302, headers: { location: back } }),
    );
    const away = page.waitForURL(/sign-in.google/, { waitUntil: "commit" });
    await page.getByRole("button", { name: "Lanjut dengan Google" }).click();
    await away;
    await page.waitForURL(code);
    await page.getByLabel("Nama Anda").fill("Ani");
    await page.getByRole("button", { name: "Lanjut", exact: true }).click();
    await page.getByText("Halo, Ani").waitFor();
  });
});
