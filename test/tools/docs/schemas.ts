import { z } from 'zod'
import { sumsReport } from '../../../gateway/aggregates/report.ts'
import { alertMessage } from '../../../gateway/alerts/message.ts'
import { healthReport } from '../../../gateway/api/health.ts'
import { oldHeadsReport } from '../../../gateway/api/old-heads.ts'
import { qualityReport } from '../../../gateway/api/quality.ts'
import { stationState } from '../../../gateway/api/station-state.ts'
import { storageReport } from '../../../gateway/api/storage.ts'
import { updateReport } from '../../../gateway/api/update.ts'
import { backupManifest } from '../../../gateway/backup/manifest.ts'
import { calibrationRow } from '../../../gateway/calibration/rows.ts'
import { configSchema } from '../../../gateway/config.ts'
import { commandPayloads } from '../../../gateway/line-commands.ts'
import { lotRecord } from '../../../gateway/lot.ts'
import { inspectionMessage, previewMessage } from '../../../gateway/message.ts'
import { commandReply } from '../../../gateway/mqtt/commands.ts'
import { stateMessage } from '../../../gateway/mqtt/state.ts'
import { overrideSchema } from '../../../gateway/override.ts'
import { checkpointRecord } from '../../../gateway/proof/checkpoint.ts'
import { rawRecord } from '../../../gateway/raw.ts'
import { recipeSchema } from '../../../gateway/recipe.ts'
import { selfTestReport } from '../../../gateway/self-test/report.ts'
import { updateMessage } from '../../../gateway/update-status.ts'

export type JsonSchema = z.core.JSONSchema.JSONSchema

/** One form that crosses a boundary, as it is published. */
export interface PublishedSchema {
  /** `docs/schemas/<name>.schema.json`. */
  readonly name: string
  readonly title: string
  /** Where it is met. */
  readonly description: string
  readonly schema: z.ZodType
}

const FORMS: readonly PublishedSchema[] = [
  {
    name: 'poincon.inspection-1',
    title: 'poincon.inspection/1',
    description: 'One inspection: MQTT `inspection`, `/api/v1/inspections`, `/ws/realtime`, the store.',
    schema: inspectionMessage,
  },
  {
    name: 'poincon.state-1',
    title: 'poincon.state/1',
    description: 'Whether a station is there, and with what: MQTT `state`, retained.',
    schema: stateMessage,
  },
  {
    name: 'poincon.preview-1',
    title: 'poincon.preview/1',
    description: 'What a head sees now: MQTT `preview/tof` and `preview/spectrum`.',
    schema: previewMessage,
  },
  {
    name: 'poincon.raw-1',
    title: 'poincon.raw/1',
    description: 'The raw data of one part: a line of the files that `poincon run --replay` reads.',
    schema: rawRecord,
  },
  {
    name: 'health',
    title: 'Health report',
    description: 'Counters and units: MQTT `health`, retained, and `/healthz`.',
    schema: healthReport,
  },
  {
    name: 'station',
    title: 'Station',
    description: 'The station for a person who looks at it: `/api/v1/station`, `/ws/realtime`.',
    schema: stationState,
  },
  {
    name: 'configuration',
    title: 'Configuration',
    description: '`poincon.yaml`.',
    schema: configSchema,
  },
  {
    name: 'recipe',
    title: 'Recipe',
    description: 'What is made, and when it is good.',
    schema: recipeSchema,
  },
  {
    name: 'calibration',
    title: 'Calibration',
    description: 'What the heads read of something that is known: tray, target, darkness, tile, golden part.',
    schema: calibrationRow,
  },
  {
    name: 'poincon.alert-1',
    title: 'poincon.alert/1',
    description: 'One change of an alert: MQTT `alert`.',
    schema: alertMessage,
  },
  {
    name: 'poincon.lot-1',
    title: 'poincon.lot/1',
    description: 'A lot and what became of its parts: `poincon lot show --json`.',
    schema: lotRecord,
  },
  {
    name: 'poincon.override-1',
    title: 'poincon.override/1',
    description:
      'What two persons decided instead of the station: the answer of `cmd/verdict/override`, the store.',
    schema: overrideSchema,
  },
  {
    name: 'quality',
    title: 'Quality',
    description: 'Open alerts, key figures, control charts: `/api/v1/quality`.',
    schema: qualityReport,
  },
  {
    name: 'poincon.checkpoint-1',
    title: 'poincon.checkpoint/1',
    description:
      'A signed place of the hash chain: MQTT `checkpoint`, retained, `/api/v1/checkpoints`, the store.',
    schema: checkpointRecord,
  },
  {
    name: 'aggregates',
    title: 'Sums',
    description:
      'Parts, grades and measures by hour or by day: `/api/v1/aggregates`, `poincon aggregates --json`.',
    schema: sumsReport,
  },
  {
    name: 'storage',
    title: 'Storage',
    description: 'Room, flash, what is kept and for whom, what was set aside: `/api/v1/storage`.',
    schema: storageReport,
  },
  {
    name: 'poincon.update-1',
    title: 'poincon.update/1',
    description:
      'Where an update stands: MQTT `update`, retained; without `device_id` the updater’s `status.json`.',
    schema: updateMessage,
  },
  {
    name: 'update',
    title: 'Update',
    description: 'Where an update stands, and whether the line is its own: `/api/v1/update`.',
    schema: updateReport,
  },
  {
    name: 'poincon.self-test-1',
    title: 'poincon.self-test/1',
    description: 'Whether a release can take the place of the one that runs: `poincon self-test --json`.',
    schema: selfTestReport,
  },
  {
    name: 'old-heads',
    title: 'Old heads',
    description: 'Devices of the old system, and what was heard of them: `/api/v1/old-heads`.',
    schema: oldHeadsReport,
  },
  {
    name: 'poincon.backup-1',
    title: 'poincon.backup/1',
    description: 'What a backup of the log holds: the file beside it.',
    schema: backupManifest,
  },
]

/** The name of a command in the name of its schema: `lot/start` → `cmd.lot-start`. */
export function commandSchemaName(command: string): string {
  return `cmd.${command.replaceAll('/', '-')}`
}

/** Everything that is published under `docs/schemas`. */
export const PUBLISHED: readonly PublishedSchema[] = [
  ...FORMS,
  ...Object.entries(commandPayloads).map(([command, schema]) => ({
    name: commandSchemaName(command),
    title: `cmd/${command}`,
    description: `What the command \`${command}\` takes.`,
    schema,
  })),
  {
    name: commandSchemaName('reply'),
    title: 'cmd/<name>/reply',
    description: 'What every command is answered with; `result` is the command’s own.',
    schema: commandReply,
  },
]

/**
 * JSON Schema (draft 2020-12) of what may be sent or written: a field with a default may be left out, and forms that
 * may grow are open to fields they do not name.
 * @throws when the schema holds what JSON Schema cannot say
 */
export function jsonSchemaOf({ name, title, description, schema }: PublishedSchema): JsonSchema {
  const { $schema, ...form } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override })
  if (JSON.stringify(form).includes(UNSAYABLE)) throw new Error(`${name}: JSON Schema cannot say all of it`)
  return {
    ...($schema === undefined ? {} : { $schema }),
    $id: `urn:poincon:schema:${name}`,
    title,
    description,
    ...form,
  }
}

const UNSAYABLE = 'no form in JSON Schema'
const UNSAYABLE_KINDS: ReadonlySet<string> = new Set(['custom', 'transform', 'date', 'map', 'set', 'bigint'])

interface Met {
  readonly zodSchema: z.core.$ZodTypes
  readonly jsonSchema: JsonSchema
}

function override({ zodSchema, jsonSchema }: Met): void {
  const kind = zodSchema._zod.def.type
  if (UNSAYABLE_KINDS.has(kind) && Object.keys(jsonSchema).length === 0) jsonSchema.$comment = UNSAYABLE
  if (kind === 'union') dropUnsayable(jsonSchema)
  // What must not be shown is our own mark; the standard's is `writeOnly`.
  if (jsonSchema.secret === true) {
    delete jsonSchema.secret
    jsonSchema.writeOnly = true
  }
}

/** Bytes or their base64: in memory it is either, in a file only what JSON can say. */
function dropUnsayable(union: JsonSchema): void {
  const sayable = union.anyOf?.filter(({ $comment }) => $comment !== UNSAYABLE) ?? []
  const [only, ...others] = sayable
  if (only === undefined || sayable.length === union.anyOf?.length) return
  delete union.anyOf
  Object.assign(union, others.length === 0 ? only : { anyOf: sayable })
}
