import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'tap'
import { deviceCommand } from '../../gateway/commands/device.ts'
import { lockDirectory } from '../../gateway/store/lock.ts'
import { folder, installed, sharedStand } from './devices.ts'

async function poinconDevice(args: readonly string[], typed = '') {
  const said = { stdout: '', stderr: '' }
  const to = (where: 'stdout' | 'stderr') => ({
    write: (text: string | Uint8Array) => {
      said[where] += String(text)
      return true
    },
  })
  const input = Readable.from([Buffer.from(typed)])
  const code = await deviceCommand(args, { output: to('stdout'), errors: to('stderr'), input })
  return { code, ...said }
}

test('poincon device, from the first certificate to the last', async (t) => {
  const est = await sharedStand(t)
  const [dir, data] = [await folder(t), await folder(t)]
  const here = ['--dir', dir]
  const who = [
    '--url',
    est.url,
    '--ca-sha256',
    est.root.toUpperCase(),
    '--device-id',
    'cell-1',
    '--serial',
    'SN-7',
  ]

  t.match(await poinconDevice(['status', ...here]), { code: 1, stdout: /nothing is enrolled here/ })
  t.match(await poinconDevice(['renew', ...here]), { code: 1, stdout: /^state {7}none/ })
  const first = await poinconDevice(['enrol', ...here, ...who, '--token-file', '-'], 'a-token\n')
  t.match(first, {
    code: 0,
    stdout: /^state {7}valid.*\ncertificate CN=cell-1, serialNumber=SN-7, by CN=Stand issuing/,
  })
  t.match(
    est.asked.find(({ operation }) => operation === 'simpleenroll'),
    { authorization: `Basic ${Buffer.from('cell-1:a-token').toString('base64')}` },
  )
  t.match(
    est.asked.at(-1),
    { operation: 'place', client: /CN=cell-1/ },
    'an authority need not say where it belongs',
  )
  t.equal(first.stderr, '')

  const status = await poinconDevice(['status', '--json', ...here])
  t.match(JSON.parse(status.stdout), { schema: 'poincon.device/1', state: 'valid', device_id: 'cell-1' })
  t.equal(status.code, 0)

  const again = ['enrol', ...here, ...who, '--token-file', '-']
  t.match(await poinconDevice(again, 'b'), { code: 1, stderr: /holds until .*--again/ })
  t.match(await poinconDevice([...again, '--again'], 'b'), { code: 0 })
  const before = (await installed(dir)).own.serialNumber
  t.match(await poinconDevice(['renew', ...here]), { code: 0 }, 'not due yet')
  t.equal((await installed(dir)).own.serialNumber, before)
  t.match(await poinconDevice(['renew', '--force', ...here]), { code: 0 })
  t.not((await installed(dir)).own.serialNumber, before)

  await t.test('a wipe asks twice, and not while a station runs', async (t) => {
    await writeFile(join(data, 'inspections.db'), 'x')
    const wipe = ['wipe', ...here, '--data', data]
    const shown = await poinconDevice(wipe)
    t.match(shown, { code: 2, stderr: /nothing was removed/ })
    t.ok(
      shown.stdout.includes(join(dir, 'device.key')) && shown.stdout.includes(join(data, 'inspections.db')),
    )
    const station = await lockDirectory(data)
    await t.rejects(poinconDevice([...wipe, '--yes']), { message: /is in use by another process/ })
    await station.close()
    t.match(await poinconDevice([...wipe, '--yes']), { code: 0, stdout: /removed\n$/ })
    t.strictSame(await readdir(dir), [])
    t.equal((await readdir(data)).includes('inspections.db'), false)
  })
})

test('what is typed wrong is named', async (t) => {
  const dir = ['--dir', await folder(t)]
  const url = ['--url', 'https://localhost:1', '--device-id', 'cell-1']
  const trust = ['--ca-sha256', 'ab'.repeat(32)]
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^poincon device enrol/],
    [['enrol'], /--url: expected/],
    [['enrol', '--url', 'https://h', '--device-id', 'Cell_1'], /device_id: /],
    [['enrol', ...url], /--ca-sha256 or --ca-file: expected one/],
    [['enrol', ...url, ...trust, '--ca-file', 'x'], /expected one of them/],
    [['enrol', ...url, ...trust], /--token-file: expected/],
    [['enrol', ...url, ...trust, '--token-file', '-'], /one line of printable ASCII/],
    [
      ['enrol', ...url, ...trust, '--token-file', '-', '--wait', 'long'],
      /--wait: expected whole minutes|printable/,
    ],
    [['enrol', ...url, ...trust, '--pkcs11-module', '/x.so'], /key\.token/],
    [['renew', 'more'], /^poincon device enrol/],
  ]
  for (const [args, expected] of cases) {
    t.match(await poinconDevice([...args, ...dir]), { code: 2, stderr: expected }, args.join(' '))
  }
  t.match(await poinconDevice(['enrol', ...url, ...trust, '--token-file', '-', ...dir], 'token'), {
    code: 1,
    stderr: /localhost:1/,
  })
  t.match(await poinconDevice(['--help']), { code: 0, stdout: /poincon device wipe/ })
})
