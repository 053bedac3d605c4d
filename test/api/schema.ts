// Whether a value is what a JSON Schema says: as much of the standard as the API's description uses, and a word about anything else in it.

/** What is wrong with a value, with its path; none when it fits. `root` holds what is referred to. */
export function misfits(schema: any, value: unknown, root: any, path = '$'): string[] {
  if (schema.$ref !== undefined) {
    const parts = String(schema.$ref).slice(2).split('/');
    return misfits(parts.reduce((at, part) => at?.[part], root) ?? [`no ${schema.$ref}`], value, root, path);
  }
  if (Array.isArray(schema)) return schema;
  const wrong: string[] = [];
  for (const word of Object.keys(schema)) if (!KNOWN.has(word)) wrong.push(`${path}: the schema says ${word}, which this does not know`);
  if (schema.oneOf !== undefined && schema.oneOf.filter((one: any) => misfits(one, value, root, path).length === 0).length !== 1) wrong.push(`${path}: fits none, or several, of oneOf`);
  const types = schema.type === undefined ? undefined : [schema.type].flat();
  if (types !== undefined && !types.some((type: string) => is(type, value))) return [...wrong, `${path}: ${JSON.stringify(value)?.slice(0, 80)} is not ${types.join(' or ')}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) wrong.push(`${path}: ${String(value)} is not one of ${schema.enum.join()}`);
  if (typeof value === 'string') {
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) wrong.push(`${path}: ${value} is not like ${schema.pattern}`);
    if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity)) wrong.push(`${path}: its length`);
  }
  if (typeof value === 'number' && (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))) wrong.push(`${path}: ${value} is out of bounds`);
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? Infinity)) wrong.push(`${path}: too many`);
    if (schema.items !== undefined) value.forEach((each, i) => wrong.push(...misfits(schema.items, each, root, `${path}[${i}]`)));
  } else if (value !== null && typeof value === 'object' && schema.properties !== undefined) {
    for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) wrong.push(`${path}: ${name} is missing`);
    for (const [name, each] of Object.entries(value)) {
      if (Object.hasOwn(schema.properties, name)) wrong.push(...misfits(schema.properties[name], each, root, `${path}.${name}`));
      else if (schema.additionalProperties === false) wrong.push(`${path}: ${name} is not in the schema`);
    }
  }
  return wrong;
}

const KNOWN = new Set(['type', 'description', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'maxItems', 'oneOf', 'default', 'contentMediaType']);

function is(type: string, value: unknown): boolean {
  switch (type) {
    case 'null': return value === null;
    case 'array': return Array.isArray(value);
    case 'object': return value !== null && typeof value === 'object' && !Array.isArray(value);
    case 'integer': return Number.isInteger(value);
    default: return typeof value === type;
  }
}
