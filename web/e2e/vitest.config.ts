import { defineConfig } from "vitest/config";

/** A browser against a real `sambung up`: one file after the other, because there is one switch. */
export default defineConfig({
  test: {
    include: ["e2e/**/*.e2e.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
