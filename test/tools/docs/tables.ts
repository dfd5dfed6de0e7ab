import { configSchema } from '../../../gateway/config.ts'
import { variables } from '../../../gateway/config-file.ts'
import { commandPayloads } from '../../../gateway/line-commands.ts'
import { choicesOf, isObject, type Row, rowsOf } from './rows.ts'
import { commandSchemaName, type JsonSchema, type PublishedSchema } from './schemas.ts'

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Every published schema, linked. */
export function schemaTable(published: readonly PublishedSchema[]): string {
  return table(
    ['schema', 'of'],
    published.map(({ name, title, description }) => [`[${title}](schemas/${name}.schema.json)`, description]),
  )
}

/** Every field of a message. */
export function fieldTable(schema: JsonSchema): string {
  return table(
    ['field', 'type, range', 'present', 'meaning'],
    rowsOf(schema).map(({ path, type, required, meaning }) => [
      `\`${path}\``,
      type,
      required ? 'always' : '',
      meaning,
    ]),
  )
}

/** Every field of a form that a person writes, with its default. */
export function writtenTable(schema: JsonSchema): string {
  return table(
    ['field', 'type, range', 'default', 'meaning'],
    rowsOf(schema).map((row) => [`\`${row.path}\``, row.type, defaultText(row), row.meaning]),
  )
}

/** What each command takes. @param schemaOf by the name of its schema */
export function commandTable(schemaOf: (name: string) => JsonSchema): string {
  const rows = Object.keys(commandPayloads).flatMap((command) => {
    const name = commandSchemaName(command)
    return rowsOf(schemaOf(name)).map((row, place) => [
      place === 0 ? `[\`${command}\`](schemas/${name}.schema.json)` : '',
      `\`${row.path}\``,
      row.type,
      defaultText(row),
      row.meaning,
    ])
  })
  return table(['command', 'field', 'type', 'default', 'meaning'], rows)
}

/** The configuration, a section for each key of the first level that has keys of its own. */
export function configurationTables(schema: JsonSchema): string {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([key, field]) =>
    typeof field === 'boolean' ? [] : [[key, field] as const],
  )
  const plain = fields.filter(([, field]) => !isObject(field) && variantsOf(field).length === 0)
  const sections = fields.filter(([key]) => !plain.some(([other]) => other === key))
  return [
    '### The station',
    configurationTable(rowsOf({ properties: Object.fromEntries(plain) })),
    ...sections.flatMap(([key, field]) => section(key, field)),
  ].join('\n\n')
}

function section(key: string, field: JsonSchema): readonly string[] {
  const variants = variantsOf(field)
  if (variants.length === 0) {
    return [`### \`${key}\``, field.description ?? '', configurationTable(rowsOf(field, `${key}.`))]
  }
  const names = Object.keys(typeof field.default === 'object' && field.default !== null ? field.default : {})
  return [
    `### \`${key}.<name>\``,
    `${field.description ?? ''} Default: ${names.map((name) => `\`${name}\``).join(' and ')}, see the [first example](#examples). \`POINCON_${key.toUpperCase()}\` takes all of them as one line of YAML.`,
    ...variants.flatMap((variant) => {
      const { kind, ...others } = variant.properties ?? {}
      const meaning = typeof kind === 'object' ? kind.description : undefined
      return [
        `#### \`kind: ${typeof kind === 'object' ? kind.const : ''}\``,
        meaning ?? '',
        table(
          ['key', 'type, range', 'default', 'meaning'],
          rowsOf({ ...variant, properties: others }).map((row) => [
            `\`${row.path}\``,
            row.type,
            defaultText(row),
            row.meaning,
          ]),
        ),
      ]
    }),
  ]
}

/** What an entry of a mapping by name may be, where it may be one of several. */
function variantsOf({ additionalProperties }: JsonSchema): readonly JsonSchema[] {
  return typeof additionalProperties === 'object' ? choicesOf(additionalProperties) : []
}

function configurationTable(rows: readonly Row[]): string {
  const names = new Map([...variables(configSchema)].map(([name, { path }]) => [path.join('.'), name]))
  return table(
    ['key', 'type, range', 'default', 'variable', 'meaning'],
    rows.map((row) => {
      const variable = names.get(row.path)
      return [
        `\`${row.path}\``,
        row.type,
        defaultText(row),
        variable === undefined ? '' : `\`${variable}\``,
        row.meaning,
      ]
    }),
  )
}

function defaultText(row: Row): string {
  if (row.default !== undefined) return `\`${row.default}\``
  return row.required ? 'required' : ''
}
