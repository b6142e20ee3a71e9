import { expect, it } from "vitest";
import { browser } from "./browser";

it("knows browsers by their own name, and not by that of an ancestor", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
  expect(browser(chrome)).toEqual({ browser: "Chrome", system: "Linux", isPocket: false });
  expect(browser(`${chrome} Edg/142.0.0.0`)?.browser).toBe("Edge");
  const phone =
    "Mozilla/5.0 (Linux; Android 15; SM-A556E) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36";
  expect(browser(phone)).toEqual({ browser: "Samsung Internet", system: "Android", isPocket: true });
  const iphone =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
  expect(browser(iphone)).toEqual({ browser: "Safari", system: "iPhone", isPocket: true });
  expect(browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")).toEqual(
    {
      browser: "Firefox",
      system: "Windows",
      isPocket: false,
    },
  );
});

it("says of a program that it is no browser", () => {
  expect(browser("curl/8.14.1")).toBeNull();
  expect(browser("")).toBeNull();
});
