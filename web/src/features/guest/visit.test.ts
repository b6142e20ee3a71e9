import { expect, it } from "vitest";
import { problem } from "../../api/problem";
import { ARRIVING, type Step, type Visit, went } from "./visit";

const ORGANISATION = { name: "Maju", language: "id", timezone: "Asia/Jakarta", extensions: [] };
const walked = (...steps: Step[]): Visit => steps.reduce(went, ARRIVING);
const entered: Step = { type: "entered", organisation: ORGANISATION, name: "Budi" };

it("goes from the door to a call and its feedback, with the microphone explained before", () => {
  const explained = walked({ type: "seen", organisation: ORGANISATION }, entered, {
    type: "chosen",
    extension: "100",
    isExplained: false,
  });
  expect(explained).toMatchObject({ at: "inside", name: "Budi", explains: "100" });
  const calling = went(explained, { type: "chosen", extension: "100", isExplained: true });
  expect(calling).toMatchObject({ at: "calling", extension: "100" });
  expect(went(calling, { type: "over", wasTalked: true })).toMatchObject({
    at: "feedback",
    extension: "100",
  });
  expect(went(calling, { type: "over", wasTalked: false })).toMatchObject({ at: "inside", explains: null });
});

it("lets a guest skip the feedback and give it later", () => {
  const inside = walked(
    entered,
    { type: "chosen", extension: "100", isExplained: true },
    { type: "over", wasTalked: true },
    { type: "said" },
  );
  expect(inside).toMatchObject({ at: "inside" });
  expect(went(inside, { type: "asked-again", extension: "100" })).toMatchObject({ at: "feedback" });
});

it.each([
  [404, "unknown"],
  [410, "expired"],
  [403, "unavailable"],
] as const)("is over at the door by %i", (status, why) => {
  expect(walked({ type: "refused", problem: problem(status, null) })).toEqual({ at: "closed", why });
});

it("stays where it is when the server is only busy, and asks who is elsewhere to leave first", () => {
  expect(walked({ type: "refused", problem: problem(503, null) })).toEqual(ARRIVING);
  expect(walked({ type: "elsewhere" })).toMatchObject({ at: "door", isElsewhere: true });
  expect(walked(entered, { type: "left" })).toEqual(ARRIVING);
});

it("calls nobody from outside", () => {
  expect(walked({ type: "chosen", extension: "100", isExplained: true })).toEqual(ARRIVING);
});
