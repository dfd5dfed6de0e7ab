import { z } from 'zod'
import { inspectionMessage } from '../message.ts'

/** Of a column that has types: what the schema of an inspection says of its value. */
export type ColumnType = 'text' | 'integer' | 'number' | 'flag' | 'time'

type Node = z.core.JSONSchema._JSONSchema
type Schema = Exclude<Node, boolean>

/**
 * The type of what stands at each path of an inspection: a list of texts is one text, of another list the count is told,
 * a block whose names are not fixed is its JSON, as in the CSV.
 * @param paths member names from the message on
 * @throws RangeError for a path that the schema does not know
 */
export function columnTypes(paths: readonly (readonly string[])[]): readonly ColumnType[] {
  const top = z.toJSONSchema(inspectionMessage)
  return paths.map((path) => {
    const found = path.reduce<readonly Schema[]>(
      (at, key) => at.flatMap((one) => below(one, key)),
      choices(top),
    )
    const types = new Set(found.map(typeOf))
    const [type] = types
    if (type === undefined || types.size > 1)
      throw new RangeError(
        `${path.join('.')}: no one type in the schema of an inspection (${[...types].join()})`,
      )
    return type
  })
}

/** What the schema allows at once: the sides of a union. */
function choices(schema: Node): readonly Schema[] {
  if (typeof schema === 'boolean') return []
  return (schema.oneOf ?? schema.anyOf)?.flatMap(choices) ?? [schema]
}

function below({ properties, additionalProperties }: Schema, key: string): readonly Schema[] {
  const named = properties?.[key] ?? additionalProperties
  return named === undefined ? [] : choices(named)
}

function typeOf({ type, format, items }: Schema): ColumnType {
  switch (type) {
    case 'integer':
      return 'integer'
    case 'number':
      return 'number'
    case 'boolean':
      return 'flag'
    case 'string':
      return format === 'date-time' ? 'time' : 'text'
    case 'array':
      return typeof items === 'object' && !Array.isArray(items) && items.type === 'string'
        ? 'text'
        : 'integer'
    default:
      return 'text'
  }
}
