/// <reference types="node" />
/** How stories are told of pages: in a browser of somebody's own, which has nothing to complain of. */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { accessible } from "./accessible";
import type { House } from "./house";

export interface Visit {
  readonly locale?: string;
  readonly phone?: boolean;
  readonly dark?: boolean;
}

/** Where pages are looked at. */
export const VISITS = [
  ["desk", { phone: false }],
  ["dark", { phone: false, dark: true }],
  ["pocket", { phone: true }],
] as const satisfies readonly (readonly [string, Visit])[];

export type Tell = (visit: Visit, story: (page: Page) => Promise<void>) => Promise<void>;

/** Runs stories with a page of somebody's own, in which the browser has complained of nothing. */
export function teller(house: () => House): Tell {
  return async (visit, story) => {
    const context = await house().visitor(visit);
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
  };
}

/** Looks at the page as it stands: nothing in it may be hard to use. With SCREENSHOTS set it is kept for people to see. */
export async function seen(page: Page, name: string): Promise<void> {
  await accessible(page);
  if (process.env["SCREENSHOTS"])
    await page.screenshot({ path: `e2e/screenshots/${name}.png`, fullPage: true });
}

export async function signIn(
  page: Page,
  { email, password }: { email: string; password: string },
): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Alamat e-mail").fill(email);
  await page.getByLabel("Kata sandi", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Masuk", exact: true }).click();
}
