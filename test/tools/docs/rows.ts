import type { JsonSchema } from './schemas.ts'

/** One field of a form, as a table shows it. */
export interface Row {
  /** From the root: `a.b`, `list[].c`. */
  readonly path: string
  /** Type, range or values, in Markdown. */
  readonly type: string
  readonly required: boolean
  /** JSON text. */
  readonly default?: string
  readonly meaning: string
}

/** Fields of an object and of what lies in it, in the order of the schema. */
export function rowsOf(schema: JsonSchema, prefix = '', seen = new Map<string, string>()): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) =>
    typeof field === 'boolean' ? [] : fieldRows(field, `${prefix}${key}`, isRequired(schema, key), seen),
  )
}

function isRequired({ required }: JsonSchema, key: string): boolean {
  return required?.includes(key) ?? false
}

function fieldRows(
  field: JsonSchema,
  path: string,
  required: boolean,
  seen: Map<string, string>,
): readonly Row[] {
  const row: Row = {
    path,
    type: typeText(field),
    required,
    ...(field.default === undefined || isObject(field) ? {} : { default: JSON.stringify(field.default) }),
    meaning: field.description ?? '',
  }
  const item = itemsOf(field)
  if (item !== undefined && isObject(item)) {
    const known = seen.get(JSON.stringify(item))
    if (known !== undefined) return [{ ...row, type: `list, as \`${known}\`` }]
    seen.set(JSON.stringify(item), path)
    return [row, ...rowsOf(item, `${path}[].`, seen)]
  }
  return isObject(field) ? [row, ...rowsOf(field, `${path}.`, seen)] : [row]
}

/** Whether a schema names the members of an object. */
export function isObject({ properties }: JsonSchema): boolean {
  return properties !== undefined
}

/** The alternatives of a schema; none when it is not a choice. */
export function choicesOf({ anyOf, oneOf }: JsonSchema): readonly JsonSchema[] {
  return anyOf ?? oneOf ?? []
}

function itemsOf({ items }: JsonSchema): JsonSchema | undefined {
  return typeof items === 'object' && !Array.isArray(items) ? items : undefined
}

/** Type, range or values of a field in Markdown, safe in a table's cell. */
export function typeText(field: JsonSchema): string {
  const values = valuesOf(field)
  if (values !== undefined) return values.map((value) => code(value)).join(', ')
  const { type, format } = field
  if (Array.isArray(type)) return type.map((one) => typeText({ ...field, type: one })).join(' or ')
  switch (type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
      return numberText('whole number', field)
    case 'number':
      return numberText('number', field)
    case 'string':
      return format === undefined ? textText(field) : (FORMATS[format] ?? format)
    case 'array':
      return listText(field)
    case 'object':
      return objectText(field)
    default:
      return type ?? choicesOf(field).map(typeText).join(' or ')
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'UUID',
  'date-time': 'RFC 3339, UTC',
  uri: 'URL',
  base64: 'base64',
}

/** The values of a field that has only few. */
function valuesOf(field: JsonSchema): readonly unknown[] | undefined {
  if (field.const !== undefined) return [field.const]
  if (field.enum !== undefined) return field.enum
  const choices = choicesOf(field)
  if (choices.length === 0 || !choices.every((choice) => choice.const !== undefined)) return undefined
  return choices.map((choice) => choice.const)
}

function numberText(word: string, { minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  // ±(2^53 - 1) is only what a double counts to.
  const least = minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (typeof exclusiveMinimum === 'number') {
    return `${word} > ${exclusiveMinimum}${most === undefined ? '' : `, ≤ ${most}`}`
  }
  if (least !== undefined && most !== undefined) return `${word} ${least} to ${most}`
  if (least !== undefined) return `${word} ≥ ${least}`
  return most === undefined ? word : `${word} ≤ ${most}`
}

function textText({ pattern, maxLength }: JsonSchema): string {
  if (pattern !== undefined) return code(pattern)
  return maxLength === undefined ? 'text' : `text, at most ${maxLength}`
}

function listText(field: JsonSchema): string {
  if (field.prefixItems !== undefined) {
    return `[${field.prefixItems.map((item) => (typeof item === 'boolean' ? '' : typeText(item))).join(', ')}]`
  }
  const item = itemsOf(field)
  if (item === undefined || isObject(item)) return 'list'
  return item.type === 'array' ? `rows of ${typeText(itemsOf(item) ?? {})}` : `list of ${typeText(item)}`
}

function objectText({ additionalProperties }: JsonSchema): string {
  if (typeof additionalProperties !== 'object') return 'object'
  const choices = choicesOf(additionalProperties)
  if (isObject(additionalProperties) || choices.some(isObject)) return 'object by name'
  return `${typeText(additionalProperties)} by name`
}

/** A value as code, as YAML takes it. */
function code(value: unknown): string {
  // A text of digits would be read as a number; a pipe would end the table's cell.
  const text = typeof value === 'string' && Number.isNaN(Number(value)) ? value : JSON.stringify(value)
  return `\`${text.replaceAll('|', '\\|')}\``
}
