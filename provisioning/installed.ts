import { join } from 'node:path'
import type { DeviceFacts } from './client.ts'
import { Contents, contentKey } from './content.ts'
import { LOG_FILE, UpdateLog } from './update-record.ts'
import type { UpdateTools } from './update-tools.ts'

/** Kinds of which a link says what is in force: recovery may have gone back since the update log was written. */
const LINKED: readonly string[] = ['configuration', 'model', 'firmware', 'flow']

/** Versions of all but the release, by `<kind>/<name>`. */
export async function installedIn({
  dir,
  step,
}: Pick<UpdateTools, 'dir' | 'step'>): Promise<DeviceFacts['installed']> {
  const logged = await new UpdateLog(join(dir, LOG_FILE), step).installed()
  const linked = await new Contents({ dir, step }).inForce()
  return Object.fromEntries([
    ...Object.entries(logged).filter(([key]) => !LINKED.includes(key.split('/')[0] ?? '')),
    ...linked.map((one) => [contentKey(one), one.version] as const),
  ])
}
