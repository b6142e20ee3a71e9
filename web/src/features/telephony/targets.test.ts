import { expect, it } from "vitest";
import { dialled, targets } from "./targets";

const OPEN = [
  { id: "1", number: "100", name: "Resepsionis" },
  { id: "2", number: "1002", name: "Gudang" },
];

it("a number is what can be dialled, however it is typed", () => {
  expect(dialled("0812-3456 789")).toBe("08123456789");
  expect(dialled("+62 (21) 555.01")).toBe("+622155501");
  expect(dialled("*97")).toBe("*97");
  for (const none of ["", " ", "gudang", "100a", "1+2", "+"]) expect(dialled(none)).toBeNull();
});

it("offers the number that was typed before open extensions, and none twice", () => {
  expect(targets("", OPEN).map((one) => one.number)).toEqual(["100", "1002"]);
  expect(targets("10", OPEN)[0]).toEqual({ number: "10", name: null });
  expect(targets("10", OPEN)).toHaveLength(3);
  expect(targets("100", OPEN).map((one) => one.name)).toEqual(["Resepsionis", "Gudang"]);
  expect(targets("gud", OPEN.slice(1)).map((one) => one.number)).toEqual(["1002"]);
});
