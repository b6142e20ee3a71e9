import { expect, it } from "vitest";
import { verdict } from "./verdict";

const legs = (...words: (string | null)[]) => words.map((diagnosis) => ({ diagnosis }));

it("tells the gravest of what was wrong with either side", () => {
  expect(verdict(legs("poor", "nothing_received"))).toBe("nothing-came");
  expect(verdict(legs("silence", "hears_with_loss"))).toBe("silent-side");
  expect(verdict(legs("good", "unsteady"))).toBe("poor-line");
});

it("tells nothing of calls that went well, that were held, or that it has no word for", () => {
  expect(verdict(legs("good", "held", null))).toBeNull();
  expect(verdict(legs("a_word_of_tomorrow"))).toBeNull();
  expect(verdict([])).toBeNull();
});
