import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AnomalyFile, AnomalyFileError, AnomalyScorer, parseAnomalyFile } from './anomaly.ts'
import { replaceFile } from './replace-file.ts'

/** Where a station keeps what it has learned of good parts. */
export function anomalyFolder(dataDir: string): string {
  return join(dataDir, 'anomaly')
}

/** The file of one recipe's model. */
export function anomalyPath(
  dataDir: string,
  { id, stage }: { readonly id: string; readonly stage: string },
): string {
  return join(anomalyFolder(dataDir), `${id}.${stage}.json`)
}

/** @throws AnomalyFileError naming the file, also where there is none; what else the file system throws */
export async function readAnomalyFile(path: string): Promise<AnomalyFile> {
  try {
    return parseAnomalyFile(await readFile(path, 'utf8'))
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!absent && !(error instanceof AnomalyFileError)) throw error
    const reason = absent ? 'no such model: poincon anomaly train makes it' : error.message
    throw new AnomalyFileError(`${path}: ${reason}`, { cause: error })
  }
}

/**
 * All models of a station. A file that is none, or whose hash does not hold, is not used.
 * @param refused told of each such file, and why
 */
export async function loadAnomalyScorer(
  dataDir: string,
  refused: (file: string, error: unknown) => void,
): Promise<AnomalyScorer> {
  const folder = anomalyFolder(dataDir)
  // A station that has learned nothing has no folder.
  const names = await readdir(folder).catch((): string[] => [])
  const files: AnomalyFile[] = []
  for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
    const path = join(folder, name)
    try {
      files.push(await readAnomalyFile(path))
    } catch (error) {
      refused(path, error)
    }
  }
  return new AnomalyScorer(files)
}

/** Replaces a model, whole or not at all, also when the power goes meanwhile. */
export function writeAnomalyFile(path: string, file: AnomalyFile): Promise<void> {
  return replaceFile(path, `${JSON.stringify(file, null, 1)}\n`)
}
