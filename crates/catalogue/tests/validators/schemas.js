// Reads `[{name, schema, values}]` from its input: each schema must be one, and each of its values must fit it. Prints how
// many values did.
import { text } from "node:stream/consumers";
import { ajv } from "./dialect.js";

const cases = JSON.parse(await text(process.stdin));
const schemas = ajv();
let fits = 0;
let wrong = 0;
for (const { name, schema, values } of cases) {
  const check = schemas.compile(schema);
  for (const value of values) {
    if (check(value)) {
      fits += 1;
    } else {
      wrong += 1;
      console.error(name, JSON.stringify(check.errors));
    }
  }
}
if (wrong > 0) process.exit(1);
console.log(fits);
