import { expect, it } from "vitest";
import { isTooLong, unmet } from "./password";

it("a new password has eight characters, a digit and a symbol (H-004)", () => {
  for (const good of ["rahasia-1", "pässwör-7", "        1", "1!abcdef"]) expect(unmet(good)).toEqual([]);
  expect(unmet("")).toEqual(["long", "digit", "symbol"]);
  expect(unmet("rahas-1")).toEqual(["long"]);
  expect(unmet("rahasia-")).toEqual(["digit"]);
  expect(unmet("rahasia1")).toEqual(["symbol"]);
  expect(unmet("pässwörd7")).toEqual(["symbol"]);
});

it("is counted in octets at its end, and in characters at its beginning", () => {
  expect(isTooLong("é".repeat(100))).toBe(false);
  expect(isTooLong(`${"é".repeat(100)}1`)).toBe(true);
  expect(unmet("🙂🙂🙂🙂🙂🙂1")).toEqual(["long"]);
});
