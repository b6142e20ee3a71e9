import { describe, expect, it } from "vitest";
import { en } from "./en";
import { id } from "./id";
import { clock, language, length, moment, opening } from "./language";

it("speaks what was chosen, else what the browser wishes for, else Indonesian", () => {
  expect(language(null, ["en-US", "id"])).toBe("en");
  expect(language(null, ["nl", "id-ID", "en"])).toBe("id");
  expect(language(null, ["in-ID"])).toBe("id");
  expect(language(null, ["nl"])).toBe("id");
  expect(language("en", ["id"])).toBe("en");
  expect(language("klingon", [])).toBe("id");
});

describe("both languages", () => {
  const leaves = (words: object, path = ""): [string, unknown][] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === "object" && value !== null ? leaves(value, `${path}${key}.`) : [[path + key, value]],
    );

  it("leave no word empty and untranslated", () => {
    const [ours, theirs] = [new Map(leaves(id)), new Map(leaves(en))];
    expect([...theirs.keys()]).toEqual([...ours.keys()]);
    const same = [...ours].filter(([key, word]) => typeof word === "string" && word === theirs.get(key));
    expect(same.map(([key]) => key)).toEqual(["phone.direction.internal"]);
    expect([...ours.values(), ...theirs.values()]).not.toContain("");
  });
});

describe("times", () => {
  const at = new Date("2026-11-22T17:30:00Z");

  it("are those on the organisation's walls", () => {
    expect(clock(id, at, "Asia/Jakarta")).toBe("00.30");
    expect(clock(id, at, "Asia/Jayapura")).toBe("02.30");
    expect(clock(en, at, "Asia/Jakarta")).toBe("00:30");
  });

  it("name the day if it is not today there", () => {
    expect(moment(id, at, new Date("2026-11-23T16:59:00Z"), "Asia/Jakarta")).toBe("00.30");
    expect(moment(id, at, new Date("2026-11-23T17:00:00Z"), "Asia/Jakarta")).toBe("Sen, 23 Nov, 00.30");
  });

  it("say from when until when somebody is there", () => {
    const day = { from: "2026-11-24T01:00:00Z", until: "2026-11-24T09:00:00Z" };
    expect(opening(id, day, at, "Asia/Jakarta")).toBe("Sel, 24 Nov, 08.00–16.00");
    expect(opening(en, day, new Date(day.from), "Asia/Jakarta")).toBe("08:00–16:00");
  });

  it("that something has taken grow by the hour", () => {
    expect([0, 59_999, 187_000, 3_787_000, -5].map(length)).toEqual([
      "0:00",
      "0:59",
      "3:07",
      "1:03:07",
      "0:00",
    ]);
  });
});
