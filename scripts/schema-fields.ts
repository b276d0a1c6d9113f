import * as z from 'zod';

/** Fields of a zod schema as a list in Markdown, for docs/events.md and docs/json.md. */

interface Property {
  type?: string | string[];
  description?: string;
  anyOf?: Property[];
  oneOf?: Property[];
  enum?: string[];
  const?: string | boolean | number;
  items?: Property;
  properties?: Record<string, Property>;
  additionalProperties?: Property | boolean;
  required?: string[];
}

const isNull = ({ type }: Property) => type === 'null';
const choices = ({ anyOf, oneOf }: Property) => anyOf ?? oneOf;
const valuesOf = ({ additionalProperties: values }: Property) =>
  typeof values === 'object' && Object.keys(values).length > 0 ? values : undefined;

/** `Known`: an answer, or why there is none. */
const knownValue = (property: Property): Property | undefined =>
  choices(property)?.find((choice) => choice.properties?.['known']?.const === true)?.properties?.['value'];

function typeName(property: Property): string {
  const { type, enum: values, const: constant, items } = property;
  // As it is in the JSON: a boolean is no text.
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``;
  if (values) return values.map((value) => `\`"${value}"\``).join(' or ');
  const value = knownValue(property);
  if (value !== undefined) return `known ${typeName(value)}`;
  const all = choices(property);
  if (all !== undefined) return [...new Set(all.map(typeName))].join(' or ');
  if (type === 'array' && items) return `list of ${typeName(items)}`;
  if (type === 'object' && valuesOf(property)) return 'object by name';
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'any');
}

/** What is inside a list, an answer or an object that may be null, with what its fields' names start with. */
function inside(property: Property, name: string): [Property, string] {
  const value = knownValue(property);
  if (value !== undefined) return inside(value, `${name}.value`);
  const one = choices(property)?.filter((choice) => !isNull(choice));
  if (one?.length === 1) return inside(one[0] as Property, name);
  if (property.items) return inside(property.items, `${name}[]`);
  const values = valuesOf(property);
  if (values) return inside(values, `${name}.NAME`);
  return [property, name];
}

interface Leave {
  /** Fields that are not told. */
  out?: readonly string[];
  /** Fields whose inside is reported elsewhere. */
  closed?: readonly string[];
}

/** A line for each field; the fields of objects inside follow with a dotted name. */
function lines({ properties = {}, required = [] }: Property, leave: Leave, prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    if (leave.out?.includes(path) === true) return [];
    const type = `${typeName(property)}${required.includes(name) ? '' : ', optional'}`;
    const about = property.description === undefined ? '' : `: ${property.description}`;
    const line = `- \`${path}\` (${type})${about}`;
    if (leave.closed?.includes(path) === true) return [line];
    const [inner, dotted] = inside(property, path);
    return [line, ...lines(inner, leave, `${dotted}.`)];
  });
}

export const fieldList = (schema: z.ZodType, leave: Leave = {}): string =>
  lines(z.toJSONSchema(schema) as Property, leave).join('\n');
