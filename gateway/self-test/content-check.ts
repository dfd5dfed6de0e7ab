import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, ConfigError } from '../config.ts'
import { type ConfigSources, type LoadedConfig, loadConfig, withoutSecrets } from '../config-file.ts'
import { differences, keptBy, valueAt } from '../config-merge.ts'
import { configRefusal } from '../config-refusal.ts'
import { type Content, contentIn, STATION_FLOWS, withCandidate } from '../content.ts'
import { networkFindings } from '../doctor/networks.ts'
import { RANGING_FIRMWARE, readFirmware } from '../firmware.ts'
import { MODEL_NAMES, modelsInForce } from '../models-in-force.ts'
import { type ShownChange, shownChanges } from '../shown-changes.ts'
import { readModel } from '../vision/model.ts'
import { flowsProblem } from './flows-check.ts'
import type { Change } from './report.ts'

export interface ContentCheckOptions {
  /** Not in force yet. */
  readonly candidate: Content
  readonly sources: ConfigSources
  readonly dataDir: string | undefined
  /** The release's folder `models`. */
  readonly models: string
}

export interface ContentFound {
  readonly detail: string
  /** What it changes, of a configuration. */
  readonly changes: readonly ShownChange[]
}

/**
 * Whether this release can run with something that came as an update: read and checked as at a start, beside what is in
 * force. @throws Error with what is wrong with it
 */
export async function checkContent(options: ContentCheckOptions): Promise<ContentFound> {
  const { kind, name, folder } = options.candidate
  switch (kind) {
    case 'configuration':
      return await checkConfiguration(options)
    case 'model':
      return { detail: await checkModel(options), changes: [] }
    case 'firmware': {
      expectName(name, RANGING_FIRMWARE, 'firmware')
      const { sha256 } = await readFirmware(join(folder, 'firmware.bin'))
      return { detail: `firmware SHA-256 ${sha256}`, changes: [] }
    }
    case 'flow': {
      expectName(name, STATION_FLOWS, 'flow')
      const text = await readFile(join(folder, 'flows.json'), 'utf8')
      const problem = await flowsProblem(text)
      if (problem !== undefined) throw new Error(`flows.json: ${problem}`)
      return { detail: 'all its nodes are known to this Node-RED', changes: [] }
    }
  }
  throw new Error(
    `${kind} ${name}: this release takes no such thing: expected configuration, model, firmware or flow`,
  )
}

function expectName(name: string, expected: string, kind: string): void {
  if (name !== expected) throw new Error(`${kind} ${name}: nothing here is called so: expected ${expected}`)
}

async function checkConfiguration({
  candidate,
  sources,
  dataDir,
}: ContentCheckOptions): Promise<ContentFound> {
  const after = loadConfig({ ...sources, candidate })
  const config = dataDir === undefined ? after.config : { ...after.config, data_dir: dataDir }
  const refused = await configRefusal(config, () => {})
  if (refused !== undefined) throw new ConfigError(refused)
  const said = after.delivered.find(({ name }) => name === candidate.name)?.value
  const changes = [...changesOf(nowOf(sources), after.config), ...keptOf(after, said)]
  return {
    detail: `${candidate.name} ${candidate.version} under ${after.file}: correct`,
    changes: shownChanges(changes),
  }
}

/** What runs now; undefined where that is wrong: then everything changes. */
function nowOf(sources: ConfigSources): Config | undefined {
  try {
    return loadConfig(sources).config
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

/** Secrets are compared as they are, and shown as what they are. */
function changesOf(before: Config | undefined, after: Config): readonly Change[] {
  const shown = {
    before: before === undefined ? undefined : withoutSecrets(before),
    after: withoutSecrets(after),
  }
  return differences(before, after).map(({ path, ...sides }) => ({
    key: path.join('.'),
    ...('before' in sides ? { before: textOf(valueAt(shown.before, path)) } : {}),
    ...('after' in sides ? { after: textOf(valueAt(shown.after, path)) } : {}),
  }))
}

/** What is delivered, and stays as the device says itself. */
function keptOf({ own, config }: LoadedConfig, delivered: unknown): readonly Change[] {
  const shown = withoutSecrets(config)
  return keptBy(own, delivered).map((path) => {
    const stays = textOf(valueAt(shown, path))
    return { key: path.join('.'), before: stays, after: stays, kept: true }
  })
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text
}

/** The candidate with the networks that it will work with, as the station reads a picture of its camera. */
async function checkModel({ candidate, sources, models }: ContentCheckOptions): Promise<string> {
  const { config } = loadConfig(sources)
  const { name, folder } = candidate
  const { manifest } = await readModel(folder)
  if (!MODEL_NAMES.some((known) => known === name) || manifest.name !== name)
    throw new Error(
      `model ${name}, in its manifest ${manifest.name}: expected one of ${MODEL_NAMES.join(', ')}`,
    )
  const content = withCandidate(contentIn(config.update.dir), candidate)
  const findings = await networkFindings({ models: modelsInForce(content, models), ...config.vision })
  const wrong = findings.filter(({ state }) => state === 'failed')
  if (wrong.length > 0) throw new Error(wrong.map(({ subject, found }) => `${subject}: ${found}`).join('; '))
  return findings.map(({ subject, found }) => `${subject}: ${found}`).join('; ')
}
