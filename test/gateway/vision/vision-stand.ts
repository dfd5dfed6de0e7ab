import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import sharp from 'sharp'
import type { Test } from 'tap'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { VisionThread, type VisionThreadOptions } from '../../../gateway/vision/vision-thread.ts'
import { ManualClock } from '../esp32/manual-clock.ts'

/** The main thread's side with a thread of our own, a clock that stands still, and a log that is read along. */
export interface VisionStand {
  readonly vision: VisionThread
  readonly clock: ManualClock
  /** Where files say how the thread opens. */
  readonly folder: string
  /** Resolves with the next line of the log that says this. */
  readonly heard: (message: string) => Promise<unknown>
}

export async function visionStand(
  t: Pick<Test, 'teardown'>,
  options: Partial<VisionThreadOptions> = {},
): Promise<VisionStand> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-vision-'))
  const clock = new ManualClock()
  const lines: { msg: string }[] = []
  let wake = (): void => {}
  const write = (line: string): void => {
    lines.push(JSON.parse(line))
    wake()
  }
  const heard = async (message: string): Promise<unknown> => {
    for (;;) {
      const line = lines.shift()
      if (line?.msg === message) return line
      if (line !== undefined) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const vision = new VisionThread({
    models: { embedder: folder, lens: { locator: folder, text: folder } },
    ...{ providers: ['cpu'], threads: 1, clock, log: pino({ level: 'info' }, { write }), random: () => 0 },
    ...{ entry: new URL('./thread-double.js', import.meta.url), ...options },
  })
  t.teardown(async () => {
    await vision.stop()
    await rm(folder, { recursive: true })
  })
  return { vision, clock, folder, heard }
}

/** With a thread that is warm. */
export async function warmStand(
  t: Pick<Test, 'teardown'>,
  options: Partial<VisionThreadOptions> = {},
): Promise<VisionStand> {
  const stand = await visionStand(t, options)
  await stand.vision.start(new AbortController().signal)
  await stand.heard('vision ready')
  return stand
}

/** Its first pixel says what the thread does, its width which picture it is. */
export function pictureOf(deed: number, width = 8): Grey {
  return { pixels: new Uint8Array(8 * width).fill(deed), width, height: 8 }
}

/** The same, 16 wide, as a file. */
export async function fileOf(deed: number): Promise<Uint8Array> {
  const raw = { width: 16, height: 16, channels: 3 } as const
  const { data } = await sharp(new Uint8Array(16 * 16 * 3).fill(deed), { raw })
    .png()
    .toUint8Array()
  return data
}

/** What is seen on a picture of this width. */
export function seen(width: number) {
  return { view: { kind: 'unseen', detail: String(width) } }
}

export const GALLERY = [{ symbol: 'heart', degrees: 0, vector: Float32Array.of(1) }]
