import { z } from 'zod'
import { type Target, targetName } from './platforms.ts'
import { NODE_VERSION, RUNTIMES } from './runtime.ts'
import type { Source } from './source.ts'

/** The media type of an in-toto statement (https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md). */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** A file of the release: its name, and its SHA-256 in hexadecimal. */
export interface Subject {
  readonly name: string
  readonly sha256: string
}

export interface Origin {
  readonly source: Source
  readonly target: Target
  /** SHA-256 of package-lock.json, hexadecimal. */
  readonly lockfile: string
  /** What built: program → version. */
  readonly builtWith: Readonly<Record<string, string>>
}

/**
 * What was built, from what, with what: in-toto Statement v1 with SLSA Provenance v1
 * (https://slsa.dev/spec/v1.0/provenance). No time but the commit's, which `reproducible` builds share.
 */
export function provenanceOf(subjects: readonly Subject[], origin: Origin): Uint8Array {
  const { source, target, lockfile, builtWith } = origin
  const { name, integrity } = RUNTIMES[target.platform]
  const sha512 = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects.map((subject) => ({ name: subject.name, digest: { sha256: subject.sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:poincon:build:release:1',
        externalParameters: { version: source.version, target: targetName(target) },
        internalParameters: { clean: source.clean, SOURCE_DATE_EPOCH: source.seconds, builtWith },
        resolvedDependencies: [
          { name: 'source', digest: { gitCommit: source.commit } },
          { name: 'package-lock.json', digest: { sha256: lockfile } },
          { uri: `pkg:npm/${name}@${NODE_VERSION}`, digest: { sha512 } },
        ],
      },
      runDetails: { builder: { id: 'urn:poincon:builder:npm-run-release' } },
    },
  }
  return Buffer.from(`${JSON.stringify(statement, null, 2)}\n`)
}

/** What a reader checks of a statement. */
export const STATEMENT = z.looseObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  predicateType: z.literal('https://slsa.dev/provenance/v1'),
  subject: z.array(
    z.looseObject({
      name: z.string(),
      digest: z.looseObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    }),
  ),
})
