/// <reference types="node" />
/** Signing in with an OpenID provider that nobody here wrote (oidc-provider, as in `control-api/tests/openid`), in a browser (H-007, decision 0065). */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { House } from "./house";
import { Ports } from "./ports";
import { seen, type Tell, teller } from "./told";

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

/** At the provider this browser is somebody's already, who is not asked. */
async function known(page: Page, email: string): Promise<void> {
  await page.route(
    (url) => url.origin === issuer && url.pathname === "/auth",
    (route, request) => route.continue({ url: `${request.url()}&login_hint=${encodeURIComponent(email)}` }),
  );
}

it("the button leads to Google and back, and nothing of what it said stays in the address", async () => {
  await told({ phone: true }, async (page) => {
    const staff = house.demo.staff[0];
    if (staff === undefined) throw new Error("the demo has no staff");
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
