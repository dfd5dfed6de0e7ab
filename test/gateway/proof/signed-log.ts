import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import { Checkpoints } from '../../../gateway/proof/checkpoints.ts'
import { type DeviceKey, openDeviceKey } from '../../../gateway/proof/device-key.ts'
import { chainEnd } from '../../../gateway/proof/stored-chain.ts'
import { Archive } from '../../../gateway/rejudge/archive.ts'
import { type Break, ChainWalk } from '../../../gateway/rejudge/chain-walk.ts'
import { selectionOf } from '../../../gateway/rejudge/range.ts'
import { followed } from '../../../gateway/rejudge/verify-chain.ts'
import { auditOf, checkpointsIn } from '../../../gateway/rejudge/verify-checkpoints.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { inspectionDraft } from '../store/drafts.ts'
import { reopen, storeDir } from '../store/opening.ts'

/** A key that lives in memory, as a secure element would answer. */
export function memoryKey(): DeviceKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { publicKey: createPublicKey(key), sign: (bytes) => Promise.resolve(sign(null, bytes, key)) }
}

/** An inspection without its matrices: the chain does not care. */
export function smallDraft(random: () => number): InspectionDraft {
  const { vl53l8ch: _range, as7341: _spectrum, ...draft } = inspectionDraft(random)
  return draft
}

/** The unit as the station makes it. */
export function checkpointsOf(
  store: Store,
  dir: string,
  parts: Partial<ConstructorParameters<typeof Checkpoints>[0]> = {},
): Checkpoints {
  return new Checkpoints({
    deviceId: 'poincon-test',
    documents: store.documents,
    key: () => openDeviceKey(dir),
    end: () => chainEnd(store),
    everyInspections: 1000,
    everyMs: 600_000,
    clock: systemClock,
    log: silentLog,
    ...parts,
  })
}

/** Runs of a station one after the other, each with a clean stop; `moved` begins a new epoch before the run. */
export async function signedLog(
  t: Test,
  random: () => number,
  runs: readonly { readonly parts: readonly number[]; readonly moved?: boolean }[],
): Promise<string> {
  let dir = await storeDir(t)
  for (const { parts, moved = false } of runs) {
    if (moved) dir = await copyOf(t, dir)
    const store = await reopen(dir)
    for (const count of parts) {
      // A unit that begins anew says `start`: many signed places in few inspections.
      const unit = checkpointsOf(store, dir)
      await unit.start()
      for (let part = 0; part < count; part += 1) await store.append(smallDraft(random), new Uint8Array(8))
      await unit.stop()
    }
    await store.close()
  }
  return dir
}

/** Another folder with the same log and key: the store begins a new epoch there. */
export async function copyOf(t: Test, dir: string): Promise<string> {
  const copy = await storeDir(t)
  await mkdir(copy, { recursive: true })
  for (const name of ['poincon.db', 'device-key.pem']) await copyFile(join(dir, name), join(copy, name))
  return copy
}

/** The first thing that is wrong, by chain or by signature. */
export async function firstBreak(
  dir: string,
  witnesses: { readonly trust?: readonly string[]; readonly published?: readonly string[] } = {},
): Promise<Break | undefined> {
  const before = await checkpointsIn(dir)
  const archive = await Archive.open(dir)
  try {
    const audit = await auditOf(archive, dir, { trust: [], published: [], ...witnesses }, before)
    const chain = new ChainWalk(archive)
    for await (const _ of followed(archive, selectionOf(archive, {}), { chain, audit })) {
      // Only to the end.
    }
    const found = [chain.broken, audit.broken].filter((one) => one !== undefined)
    const place = ({ epoch, sequence }: Break): number => {
      const base = archive.epochs.find((one) => one.epoch === epoch)?.base
      return base === undefined ? 0 : base + sequence
    }
    return found.sort((one, other) => place(one) - place(other))[0]
  } finally {
    await archive.close()
  }
}

/** Writes a file beside the log. */
export async function beside(dir: string, name: string, text: string): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, text)
  return path
}
