/** What a browser calls itself, in the two words by which its owner knows it. Pure. */

export interface Browser {
  readonly browser: string;
  readonly system: string;
  /** A phone or tablet. */
  readonly isPocket: boolean;
}

/** The first one that is found: all call themselves by their ancestors, too. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/EdgA?\/|EdgiOS\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Version\/.*Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** Null: it is none that people have. */
export function browser(userAgent: string): Browser | null {
  const found = (among: typeof BROWSERS) => among.find(([pattern]) => pattern.test(userAgent))?.[1];
  const [name, system] = [found(BROWSERS), found(SYSTEMS)];
  if (name === undefined || system === undefined) return null;
  return { browser: name, system, isPocket: ["iPhone", "iPad", "Android"].includes(system) };
}
