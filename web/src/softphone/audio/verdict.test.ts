/// <reference types="node" />
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PACKAGE, TOLD_MAX, told, verdict } from "./verdict";

const legs = (...words: (string | null)[]) => words.map((diagnosis) => ({ diagnosis }));

it("tells the gravest of what was wrong with either side", () => {
  expect(verdict(legs("poor", "nothing_received"))).toBe("nothing-came");
  expect(verdict(legs("silence", "hears_with_loss"))).toBe("silent-side");
  expect(verdict(legs("good", "poor"))).toBe("poor-line");
});

it("tells nothing of calls that went well, that were held, or that it has no word for", () => {
  expect(verdict(legs("good", "held", null))).toBeNull();
  expect(verdict(legs("a_word_of_tomorrow"))).toBeNull();
  expect(verdict([])).toBeNull();
});

/** What is meant to be so: nobody is to be heard now, or not by this side. */
const FINE = ["good", "not_connected", "holds", "held", "only_listens"];

/** Bug: of half of the switch's words, a phone behind a NAT among them, the page said nothing. */
it("knows every word that the switch has", () => {
  const source = readFileSync(
    new URL("../../../../media/streams/src/diagnosis/words.rs", import.meta.url),
    "utf8",
  );
  const words = [...source.matchAll(/=> "([a-z_]+)",/g)].map(([, word]) => word as string);
  expect(words.length).toBeGreaterThan(30);
  for (const word of words) expect(verdict(legs(word)) === null, word).toBe(FINE.includes(word));
});

const within = (own: unknown, other: unknown) => told(PACKAGE, JSON.stringify({ own, other }));

it("tells each side of a call that goes on from where it stands", () => {
  expect(within("good", "good")).toEqual([]);
  expect(within("good", "stopped")).toEqual(["nothing-comes"]);
  expect(within("good", "unreachable")).toEqual(["unheard-there"]);
  expect(within("good", "silence")).toEqual(["silent-there"]);
  expect(within("good", "hears_with_loss")).toEqual(["poor-line-there"]);
  expect(within("ice_consent_lost", "good")).toEqual(["nothing-sent"]);
  expect(within("hears_nothing", "poor")).toEqual(["nothing-heard", "poor-line-there"]);
});

it("leaves a microphone of its own that is silent to who hears it", () => {
  expect(within("silence", "good")).toEqual([]);
});

it("takes nothing that is not the switch's word, and of that nothing it does not know", () => {
  expect(told("other", '{"own":"good","other":"silence"}')).toBeNull();
  expect(told(undefined, '{"own":"good","other":"silence"}')).toBeNull();
  expect(told(`${PACKAGE}, other`, '{"own":"good","other":"silence"}')).toBeNull();
  for (const body of ["", "{", "null", '"silence"', undefined]) expect(told(PACKAGE, body)).toBeNull();
  const long = JSON.stringify({ own: "good", other: "silence", more: "x".repeat(TOLD_MAX) });
  expect(told(PACKAGE, long)).toBeNull();
  expect(within("a_word_of_tomorrow", "constructor")).toEqual([]);
  expect(within(["silence"], { toString: "silence" })).toEqual([]);
  expect(told(PACKAGE, "[]")).toEqual([]);
});
