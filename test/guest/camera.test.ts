import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { reportCases } from './cases.ts'
import { guestMissing, runInGuest } from './guest.ts'

const lacking = ['ffmpeg', 'v4l2-ctl'].filter((tool) => spawnSync(tool, ['-version']).error !== undefined)
const skip =
  guestMissing() ??
  (lacking.length === 0 ? false : `SKIPPED: install ffmpeg and v4l-utils (${lacking.join(', ')})`)

test('a camera of a real kernel: vivid, read by ffmpeg, unplugged and plugged back', { skip }, async (t) => {
  const end = await runInGuest({
    modules: ['vivid n_devs=1 node_types=0x1'],
    script: 'dist/test/guest/camera-vivid.js',
    timeoutMs: 110_000,
  })
  reportCases(t, end, [
    'pictures arrive, of the size that was asked for',
    'a picture that waited in the pipe while we were busy keeps the kernel’s time',
    'the controls are set',
    'a control that the camera has not is named',
    'a value out of range is refused',
    'unplugged: absent, at once, with the kernel’s reason',
    'plugged back: pictures again, controls set again',
    'stopped: no process is left',
  ])
})
