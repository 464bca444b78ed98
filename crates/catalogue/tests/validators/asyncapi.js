// Reads an AsyncAPI document with the specification's own parser, and prints how many channels and messages it found.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const ERROR = 0;
const text = await readFile(process.argv[2], "utf8");
const { document, diagnostics } = await new Parser().parse(text);
const errors = diagnostics.filter((each) => each.severity === ERROR);
for (const each of errors.slice(0, 20)) {
  console.error(`${each.path.join(".")}: ${each.message}`);
}
if (errors.length > 0 || !document) process.exit(1);
console.log(`${document.version()} ${document.channels().length} ${document.allMessages().length}`);
