// Reads an OpenAPI document with a validator of the specification's schemas, and the examples of its webhooks with a
// validator of JSON Schema. Prints how many webhooks it found.
import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ajv } from "./dialect.js";

const document = JSON.parse(await readFile(process.argv[2], "utf8"));
const validator = new Validator();
const { valid, errors } = await validator.validate(structuredClone(document));
if (!valid) {
  console.error(JSON.stringify(errors, null, 1));
  process.exit(1);
}

// References of the document count from its root.
const DOCUMENT = "https://tidings.example/openapi.json";
const schemas = ajv();
schemas.addSchema({ $id: DOCUMENT, components: document.components });
const pointed = (schema) =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', `"${DOCUMENT}#/components/`));
for (const name of Object.keys(document.components.schemas)) {
  schemas.getSchema(`${DOCUMENT}#/components/schemas/${name}`);
}
let wrong = 0;
for (const [name, { post }] of Object.entries(document.webhooks)) {
  const { schema, example } = post.requestBody.content["application/cloudevents+json"];
  const check = schemas.compile(pointed(schema));
  if (!check(example)) {
    console.error(name, JSON.stringify(check.errors));
    wrong += 1;
  }
  if (check({ ...example, type: "no.such_type" })) {
    console.error(name, "takes the body of another type");
    wrong += 1;
  }
}
if (wrong > 0) process.exit(1);
console.log(`${validator.version} ${Object.keys(document.webhooks).length}`);
