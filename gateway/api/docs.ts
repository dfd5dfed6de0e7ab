import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { sumsReport } from '../aggregates/report.ts'
import { inspectionMessage } from '../message.ts'
import { checkpointPageSchema } from '../proof/checkpoint-page.ts'
import { documented, jsonSchema } from './door.ts'
import { engravingMatch, enrolled, symbolList } from './engraving-port.ts'
import { healthReport, readyReport } from './health.ts'
import { lensPage, lensRecord } from './lenses.ts'
import { oldHeadsReport } from './old-heads.ts'
import { problemDetails } from './problem.ts'
import { qualityReport } from './quality.ts'
import { stationState } from './station-state.ts'
import { storageReport } from './storage.ts'
import { updateReport } from './update.ts'

const DESCRIPTION = `The station's inspections, state and health.

Live events come over the WebSocket \`/ws/realtime\`: \`connection_established\`, then \`latest\` (the last 50
inspections, newest first), then \`inspection\` and \`station\` events as they happen. A client may send
\`{"type":"subscribe","filters":{"grade":["C","REJECT"],"action":["reject"],"device_id":"…"},"rate":"all"}\`,
\`{"type":"unsubscribe"}\` and \`{"type":"ping"}\`. \`skipped\` in an event says how many before it were left out,
because more came than the client could take or (unless \`rate\` is \`all\`) than a person could read.`

/** Names the schemas that several routes answer with. */
export function addSchemas(app: FastifyInstance): void {
  app.addSchema({ $id: 'Inspection', ...jsonSchema(inspectionMessage, 'output') })
  app.addSchema({
    $id: 'InspectionPage',
    type: 'object',
    properties: {
      inspections: { type: 'array', items: { $ref: 'Inspection#' } },
      next_before: { type: 'integer', minimum: 1 },
    },
    required: ['inspections'],
  })
  app.addSchema({ $id: 'HealthReport', ...jsonSchema(healthReport, 'output') })
  app.addSchema({ $id: 'ReadyReport', ...jsonSchema(readyReport, 'output') })
  app.addSchema({ $id: 'StationState', ...jsonSchema(stationState, 'output') })
  app.addSchema({ $id: 'QualityReport', ...jsonSchema(qualityReport, 'output') })
  app.addSchema({ $id: 'StorageReport', ...jsonSchema(storageReport, 'output') })
  app.addSchema({ $id: 'UpdateReport', ...jsonSchema(updateReport, 'output') })
  app.addSchema({ $id: 'OldHeadsReport', ...jsonSchema(oldHeadsReport, 'output') })
  app.addSchema({ $id: 'CheckpointPage', ...jsonSchema(checkpointPageSchema, 'output') })
  app.addSchema({ $id: 'SumsReport', ...jsonSchema(sumsReport, 'output') })
  app.addSchema({ $id: 'EngravingMatch', ...jsonSchema(engravingMatch, 'output') })
  app.addSchema({ $id: 'SymbolList', ...jsonSchema(symbolList, 'output') })
  app.addSchema({ $id: 'Enrolled', ...jsonSchema(enrolled, 'output') })
  app.addSchema({ $id: 'Lens', ...jsonSchema(lensRecord, 'output') })
  app.addSchema({ $id: 'LensPage', ...jsonSchema(lensPage, 'output') })
  app.addSchema({ $id: 'Problem', ...jsonSchema(problemDetails, 'output') })
}

/** `/docs` (a page) and `/docs/json` (OpenAPI 3.1). Register before the routes it shall show. */
export function docsRoutes(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Poinçon', version, description: DESCRIPTION } },
    transform: ({ schema, url }) => ({ schema: documented(schema), url }),
    refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `schema-${i}`) },
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // Swagger's page sets styles inline; it has no inline script.
    staticCSP: {
      'default-src': ["'self'"],
      'style-src': ["'self'", "'unsafe-inline'"],
      'img-src': ["'self'", 'data:'],
      'frame-ancestors': ["'none'"],
    },
    uiConfig: { validatorUrl: null },
    theme: { title: 'Poinçon', css: [{ filename: 'theme.css', content: '.topbar { display: none }' }] },
  })
}
