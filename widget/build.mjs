// Makes dist/widget.js of src: one script, everything in it. `--check` compares instead and fails when they differ.
// Prints the size; more than LIMIT gzipped is a failure.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

/** What a page may be asked to load, gzipped. */
const LIMIT = 40 * 1024;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Style sheets become text, without what only people read. */
export const styles = {
  name: "styles",
  setup(building) {
    building.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

async function made() {
  const { outputFiles } = await build({
    absWorkingDir: here("."),
    entryPoints: ["src/main.tsx"],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2020",
    charset: "ascii",
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    plugins: [styles],
    define: { "process.env.NODE_ENV": '"production"' },
    banner: { js: "/* Tidings, MIT OR Apache-2.0. Contains Preact, (c) Jason Miller, MIT. */" },
  });
  return outputFiles[0].text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const script = await made();
  const size = gzipSync(script, { level: 9 }).length;
  console.log(`widget.js: ${script.length} characters, ${size} bytes gzipped of at most ${LIMIT}`);
  if (size > LIMIT) {
    console.error("it is larger than a page should be asked to load");
    process.exitCode = 1;
  }
  const target = here("dist/widget.js");
  if (process.argv.includes("--check")) {
    let committed = null;
    try {
      committed = readFileSync(target, "utf8");
    } catch {
      // It is not there, which is not fresh either.
    }
    if (committed !== script) {
      console.error("dist/widget.js is not what src makes: run `npm run build` in widget/ and commit it");
      process.exitCode = 1;
    }
  } else {
    writeFileSync(target, script);
  }
}
