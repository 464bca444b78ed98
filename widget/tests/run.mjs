// Runs the widget's tests: makes modules of src that Node can load, then `node --test` over tests/*.test.mjs.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  absWorkingDir: here(".."),
  entryPoints: readdirSync(here("../src"))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => `src/${name}`),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  outdir: "node_modules/.cache/tidings",
});
const tests = readdirSync(here(".")).filter((name) => name.endsWith(".test.mjs"));
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...tests.map((name) => here(name)), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
