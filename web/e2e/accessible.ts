/// <reference types="node" />
import { readFileSync } from "node:fs";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Nothing that axe-core finds wrong, nothing wider than the window, and nothing that the browser complained of. */
export async function accessible(page: Page): Promise<void> {
  // Given to the browser itself: the page's policy would not let it in.
  await page.evaluate(AXE);
  const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)) as AxeResults;
  expect(
    found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`),
  ).toEqual([]);
  const cut = await page.evaluate(
    `[...document.querySelectorAll("header *, main *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML)`,
  );
  expect(cut, "wider than the window").toEqual([]);
}
