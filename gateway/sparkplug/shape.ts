import { z } from 'zod'
import { type DataType, fits, type MetricValue } from './payload.ts'

/** What a schema says of a value: a metric of some type, a block of further values, or nothing that is told. */
export type Shape =
  | { readonly kind: 'scalar'; readonly type: DataType }
  | {
      readonly kind: 'block'
      readonly fields: ReadonlyMap<string, Shape>
      /** What stands under every other name: a record. */
      readonly others?: Shape
    }
  /** A list of texts, told joined with commas. */
  | { readonly kind: 'texts' }
  /** Any other list, told as its length. */
  | { readonly kind: 'list' }
  /** A list of lists, not told. */
  | { readonly kind: 'matrix' }

export interface FlatMetric {
  readonly name: string
  readonly type: DataType
  readonly value: Exclude<MetricValue, null>
}

type AnySchema = z.core.JSONSchema._JSONSchema
type JsonSchema = Exclude<AnySchema, boolean>

/** @throws when the schema holds what no metric can be made of */
export function shapeOf(schema: z.ZodType): Shape {
  return shape(z.toJSONSchema(schema), '')
}

function shape(schema: JsonSchema, name: string): Shape {
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) {
    return choices.map((choice) => shape(asSchema(choice, name), name)).reduce((a, b) => merged(a, b, name))
  }
  switch (schema.type) {
    case 'object':
      return blockShape(schema, name)
    case 'array':
      return listShape(schema)
    case 'integer':
      return { kind: 'scalar', type: 'Int64' }
    case 'number':
      return { kind: 'scalar', type: 'Double' }
    case 'boolean':
      return { kind: 'scalar', type: 'Boolean' }
    case 'string':
      return { kind: 'scalar', type: schema.format === 'date-time' ? 'DateTime' : 'String' }
    default:
      throw new Error(`${name}: no metric can be made of ${JSON.stringify(schema)}`)
  }
}

function blockShape({ properties, additionalProperties }: JsonSchema, name: string): Shape {
  const fields = new Map(
    Object.entries(properties ?? {}).map(([key, value]) => {
      const below = join(name, key)
      return [key, shape(asSchema(value, below), below)]
    }),
  )
  return typeof additionalProperties === 'object'
    ? { kind: 'block', fields, others: shape(asSchema(additionalProperties, name), `${name}/*`) }
    : { kind: 'block', fields }
}

function listShape({ items, prefixItems }: JsonSchema): Shape {
  const item = Array.isArray(items) ? items[0] : (items ?? prefixItems?.[0])
  if (typeof item !== 'object') return { kind: 'list' }
  if (item.type === 'array') return { kind: 'matrix' }
  return { kind: item.type === 'string' ? 'texts' : 'list' }
}

/** The fields of either: a name has one type, whichever of the two comes. */
function merged(a: Shape, b: Shape, name: string): Shape {
  if (a.kind === 'block' && b.kind === 'block') {
    const fields = new Map(a.fields)
    for (const [key, value] of b.fields) {
      const other = fields.get(key)
      fields.set(key, other === undefined ? value : merged(other, value, join(name, key)))
    }
    const others = a.others ?? b.others
    return { kind: 'block', fields, ...(others === undefined ? {} : { others }) }
  }
  const same = a.kind === b.kind && (a.kind !== 'scalar' || b.kind !== 'scalar' || a.type === b.type)
  if (!same) throw new Error(`${name}: two types for one metric`)
  return a
}

function asSchema(schema: AnySchema, name: string): JsonSchema {
  if (typeof schema === 'boolean') throw new Error(`${name}: anything may stand here`)
  return schema
}

/** Names and types of all metrics that the schema itself names; those of its records are known when they come. */
export function metricsOf(top: Shape): ReadonlyMap<string, DataType> {
  const found = new Map<string, DataType>()
  collect(top, '', found)
  return found
}

function collect(at: Shape, name: string, found: Map<string, DataType>): void {
  if (at.kind === 'scalar') found.set(name, at.type)
  else if (at.kind === 'texts') found.set(name, 'String')
  else if (at.kind === 'list') found.set(countName(name), 'Int64')
  else if (at.kind === 'block') for (const [key, below] of at.fields) collect(below, join(name, key), found)
}

/**
 * The metrics of one value: scalars under their path, texts joined, lists counted, matrices left out. What the shape
 * does not know (a message of another release) is told by the type it has in JSON; unknown lists are left out.
 * @throws RangeError when a value is not of the type that the shape says
 */
export function flatten(value: unknown, top: Shape): FlatMetric[] {
  const found: FlatMetric[] = []
  gather(value, top, '', found)
  return found
}

function gather(value: unknown, at: Shape | undefined, name: string, found: FlatMetric[]): void {
  if (value === null || value === undefined || at?.kind === 'matrix') return
  if (Array.isArray(value)) {
    if (at?.kind === 'texts') found.push({ name, type: 'String', value: value.join(',') })
    else if (at?.kind === 'list') found.push({ name: countName(name), type: 'Int64', value: value.length })
  } else if (typeof value === 'object') {
    const block = at?.kind === 'block' ? at : undefined
    for (const [key, below] of Object.entries(value))
      gather(below, block?.fields.get(key) ?? block?.others, join(name, key), found)
  } else found.push(scalar(value, at, name))
}

function scalar(value: unknown, at: Shape | undefined, name: string): FlatMetric {
  const type = at?.kind === 'scalar' ? at.type : typeInJson(value)
  const told = type === 'DateTime' && typeof value === 'string' ? Date.parse(value) : value
  if (!fits(type, told)) throw new RangeError(`${name} is ${JSON.stringify(value)}, expected ${type}`)
  return { name, type, value: told }
}

function typeInJson(value: unknown): DataType {
  if (typeof value === 'boolean') return 'Boolean'
  return typeof value === 'number' ? 'Double' : 'String'
}

function countName(name: string): string {
  return `${name}_count`
}

function join(name: string, key: string): string {
  return name === '' ? key : `${name}/${key}`
}
