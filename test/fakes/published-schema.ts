import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'

const schemaFile = z.looseObject({ $id: z.string() })

/**
 * What somebody checks with who has only `docs/schemas`: another implementation of JSON Schema.
 * @param name `docs/schemas/<name>.schema.json`
 * @returns the function that names all that is wrong with a value, `<JSON pointer> <expectation>`; nothing: it is valid
 */
export function validatorFor(name: string): (value: unknown) => readonly string[] {
  const schema = schemaFile.parse(JSON.parse(readFileSync(`docs/schemas/${name}.schema.json`, 'utf8')))
  // Where a format decides, a pattern stands beside it.
  const formats = { uuid: true, 'date-time': true, uri: true, base64: true } as const
  const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true, formats }).compile(
    schema,
  )
  return (value) => {
    validate(value)
    return (validate.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`)
  }
}
