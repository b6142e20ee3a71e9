/// <reference types="node" />
import { readFileSync } from "node:fs";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** CSS pixels that a finger needs each way (more than the 24 of WCAG 2.2 §2.5.8). */
const FINGER = 40;

/** Nothing that axe-core finds wrong, nothing wider than the window, and on a phone nothing to press that a finger would miss. */
export async function accessible(page: Page): Promise<void> {
  // A key that a finger has just left is still on its way back to its colour.
  await page.evaluate(settled);
  // Given to the browser itself: the page's policy would not let it in.
  await page.evaluate(AXE);
  const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)) as AxeResults;
  expect(
    found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`),
  ).toEqual([]);
  // Not `innerWidth`: a phone's browser makes the window wider for what does not fit.
  const cut = await page.evaluate(() => {
    const { clientWidth: width, scrollWidth } = document.documentElement;
    const isCut = (one: Element) => one.getBoundingClientRect().right > width + 1;
    const wide = [...document.querySelectorAll("header *, main *")].filter(isCut);
    return scrollWidth > width
      ? ["the page", ...wide.map((one) => one.outerHTML)]
      : wide.map((one) => one.outerHTML);
  });
  expect(cut, "wider than the window").toEqual([]);
  expect(await page.evaluate(missed, FINGER), "too small for a finger").toEqual([]);
}

/** Waits until what changes its colour or place has got there. What pulses for as long as it is shown is no such change. Runs in the page. */
async function settled(): Promise<void> {
  const changes = document.getAnimations().filter((one) => one instanceof CSSTransition);
  // One that is given up because its element has gone is over too.
  await Promise.allSettled(changes.map((one) => one.finished));
}

/** What can be pressed by a finger, and is less than `least` pixels wide or high. A link in a line of text is as high as the line. Runs in the page. */
function missed(least: number): string[] {
  if (!matchMedia("(pointer: coarse)").matches) return [];
  const pressed = [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea")];
  return pressed
    .map((one) => one.closest("label") ?? one)
    .filter((one) => {
      const { width, height, bottom } = one.getBoundingClientRect();
      // The way past the head of the page is shown to a keyboard alone.
      const isShown = width > 0 && bottom + scrollY > 0;
      return isShown && getComputedStyle(one).display !== "inline" && Math.min(width, height) < least;
    })
    .map((one) => `${one.outerHTML.slice(0, 200)} ${one.clientWidth}x${one.clientHeight}`);
}
