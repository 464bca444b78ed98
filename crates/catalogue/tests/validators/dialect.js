// JSON Schema 2020-12, as strict as schemas that others publish: an unknown keyword or format is an error.
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export function ajv() {
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    // A part of a schema may require what another part describes, and leave the type to it.
    strictRequired: false,
    strictTypes: false,
  });
  addFormats(ajv);
  // Words of OpenAPI that say nothing of what is valid, and where it keeps its schemas.
  for (const word of ["components", "example", "xml", "discriminator", "externalDocs"]) ajv.addKeyword(word);
  for (const format of ["int32", "uint32", "binary"]) ajv.addFormat(format, true);
  return ajv;
}
