import { deepStrictEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { decode } from '../../drivers/camera/frame.ts'
import { systemClock } from '../../drivers/clock.ts'
import { CameraUnit, cameraOpening } from '../../gateway/camera.ts'
import { cameraOptions } from '../../gateway/camera-options.ts'
import { silentLog } from '../../gateway/log.ts'
import type { Case } from './cases.ts'

const clock = systemClock
const never = new AbortController().signal
const env = { PATH: process.env.PATH }
const PERIOD_MS = 200
const BUSY_MS = 2000
const WRITTEN = 'gain_automatic: 0\ngain: 40\nbrightness: 200\ncontrast: 90\n'
const config = cameraOptions.parse({
  kind: 'v4l2',
  ...{ width: 320, height: 180, fps: 1000 / PERIOD_MS, input_format: 'yuyv' },
  ...{ gain: 40, brightness: 200, controls: { contrast: 90 } },
  // Everything is slow here.
  open_ms: 60_000,
  stall_ms: 20_000,
})

/** A camera of the kernel's test driver vivid, through our drivers, ffmpeg and v4l2-ctl. */
export function cameraCases(): Record<string, Case> {
  const told: string[] = []
  const log = silentLog.child({}, { level: 'info' })
  log.warn = (...[, message]: unknown[]) => void told.push(String(message))
  log.info = () => {}
  const unit = new CameraUnit({
    open: cameraOpening(config, env, clock),
    ...{ clock, log, random: Math.random },
  })
  const untilState = async (state: string): Promise<void> => {
    while (unit.status().state !== state) await clock.sleep(20)
  }
  return {
    'pictures arrive, of the size that was asked for': async () => {
      await unit.start(never)
      await untilState('ok')
      const image = await unit.measure(clock.now(), never)
      deepStrictEqual([image.width, image.height], [320, 180])
      const { pixels } = await decode(image)
      equal(pixels.length, 320 * 180)
      ok(new Set(pixels).size > 10, 'a test picture')
    },
    'a picture that waited in the pipe while we were busy keeps the kernel’s time': async () => {
      const { takenAt } = await unit.measure(clock.now(), never)
      const end = clock.now() + BUSY_MS
      while (clock.now() < end);
      const waited = await unit.measure(takenAt + 1, never)
      const age = clock.now() - waited.takenAt
      ok(age > BUSY_MS / 2 + 2 * PERIOD_MS, `it was taken in the first half: ${age} ms`)
    },
    'the controls are set': () => equal(controls(), WRITTEN),
    'a control that the camera has not is named': () =>
      rejects(cameraOpening(cameraOptions.parse({ ...config, exposure_us: 1000 }), env, clock)(never), {
        fault: 'failed',
        message: /no control exposure_time_absolute or exposure_absolute; it has brightness,/,
      }),
    'a value out of range is refused': () =>
      rejects(cameraOpening(cameraOptions.parse({ ...config, gain: 300 }), env, clock)(never), {
        fault: 'failed',
        message: /gain: expected 0 to 255, got 300/,
      }),
    'unplugged: absent, at once, with the kernel’s reason': async () => {
      const waiting = rejects(unit.measure(clock.now() + 60_000, never), {
        fault: 'absent',
        // On a slow machine its end is heard of later than the end of its pictures.
        message: /ffmpeg (ended with 0|closed its output): \/dev\/video0 is gone/,
      })
      plug('unbind')
      await waiting
      await untilState('failed')
      match(unit.status().detail ?? '', /is gone|No such file|Cannot open/)
      equal(unit.status().facts?.fault, 'absent')
    },
    'plugged back: pictures again, controls set again': async () => {
      plug('bind')
      await untilState('ok')
      await unit.measure(clock.now(), never)
      equal(controls(), WRITTEN)
      equal(unit.status().facts?.restarts, 1)
      deepStrictEqual(told, ['camera fault'], 'the log heard of it once')
    },
    'stopped: no process is left': async () => {
      await unit.stop()
      const names = readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => {
          try {
            return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
          } catch {
            return ''
          }
        })
      ok(!names.includes('ffmpeg'))
    },
  }
}

/** Of a platform device, as unplugging is of a USB one: its node goes, and whoever reads it gets ENODEV. */
function plug(verb: 'bind' | 'unbind'): void {
  writeFileSync(`/sys/bus/platform/drivers/vivid/${verb}`, 'vivid.0')
}

function controls(): string {
  const names = 'gain_automatic,gain,brightness,contrast'
  return execFileSync('v4l2-ctl', ['--device', '/dev/video0', '--get-ctrl', names], { encoding: 'utf8' })
}
