import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Test, test } from 'tap'
import { v7 } from 'uuid'
import { stringify } from 'yaml'
import { systemClock } from '../../../drivers/clock.ts'
import { deviceCommand } from '../../../gateway/commands/device.ts'
import { fleetCommand } from '../../../gateway/commands/fleet.ts'
import { silentLog } from '../../../gateway/log.ts'
import { recipeJson } from '../../../gateway/recipe.ts'
import { storedRecipe } from '../../../gateway/recipe-revisions.ts'
import { writeRecipes } from '../../../gateway/recipe-shelf.ts'
import { lockDirectory } from '../../../gateway/store/lock.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { fingerprint, parsePem } from '../../../provisioning/certificate.ts'
import { carryOutOrders } from '../../../provisioning/device-orders.ts'
import { FleetClient } from '../../../provisioning/fleet-client.ts'
import { Fleet } from '../../../provisioning/server/fleet.ts'
import { EstStand } from '../../fakes/est-stand.ts'
import { fails, folder } from '../devices.ts'

const anywhere = { host: '127.0.0.1', port: 0 }
const signal = new AbortController().signal

type Said = { readonly code: number; readonly stdout: string; readonly stderr: string }

async function called(
  run: (
    to: (where: 'stdout' | 'stderr') => { write: (text: string | Uint8Array) => boolean },
  ) => Promise<number>,
): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const to = (where: 'stdout' | 'stderr') => ({
    write: (text: string | Uint8Array) => {
      said[where] += String(text)
      return true
    },
  })
  const code = await run(to)
  return { code, ...said }
}

/** A fleet's server and its commands. */
async function plant(t: Test) {
  const dir = await folder(t)
  const fleet = new Fleet({
    ...{ dir, passphrase: 'correct horse battery staple', listen: anywhere, hosts: ['localhost'] },
    ...{ clock: systemClock, note: () => {} },
  })
  await fleet.start()
  t.teardown(() => fleet.stop())
  const [root] = parsePem(fleet.root, 'root')
  if (root === undefined) throw new Error('no root')
  const say = (...args: readonly string[]): Promise<Said> =>
    called((to) => fleetCommand([...args, '--dir', dir], { output: to('stdout'), errors: to('stderr') }))
  return { fleet, say, root: fingerprint(root) }
}

/** A device with a station on it: identity, configuration, data. */
class Box {
  readonly dir: string
  readonly data: string
  readonly config: string

  private constructor(home: string) {
    this.dir = join(home, 'device')
    this.data = join(home, 'data')
    this.config = join(home, 'poincon.yaml')
  }

  static async of(t: Test, deviceId: string, seed: number): Promise<Box> {
    const box = new Box(await folder(t))
    await mkdir(box.data)
    const settings = {
      ...{ device_id: deviceId, site: 'lyon', line: 'l2', station: 's4', data_dir: box.data },
      simulation: { seed },
    }
    await writeFile(box.config, stringify(settings))
    return box
  }

  say(...args: readonly string[]): Promise<Said> {
    const all = [...args, '--dir', this.dir, '--config', this.config]
    return called((to) =>
      deviceCommand(all, { output: to('stdout'), errors: to('stderr'), input: Readable.from([]) }),
    )
  }

  async enrolled(
    { fleet, root }: { readonly fleet: { readonly url: string }; readonly root: string },
    token: string,
    ...more: readonly string[]
  ): Promise<Said> {
    const file = `${this.config}.token`
    await writeFile(file, token)
    return await this.say('enrol', '--url', fleet.url, '--ca-sha256', root, '--token-file', file, ...more)
  }

  client(): Promise<FleetClient> {
    return FleetClient.open({ dir: this.dir, clock: systemClock, signal, userAgent: 'poincon/0.1.0' })
  }

  async epoch(deviceId: string): Promise<string> {
    const store = await openStore({ dir: this.data, deviceId, clock: systemClock, log: silentLog })
    try {
      return store.epoch.epoch
    } finally {
      await store.close()
    }
  }
}

/** What a person made at a station: a recipe of their own, and an offset of each of two ranging chips. */
async function worked(box: Box, chip: string, deviceId: string): Promise<void> {
  await writeRecipes(box.data, async (recipes) => {
    const [first] = await recipes.newest()
    if (first === undefined) throw new Error('no built-in recipe')
    const own = { ...recipeJson(storedRecipe(first)), id: 'of_marie', title: 'Marie’s', revision: 1 }
    await recipes.save('of_marie', own, 'Marie')
  })
  const store = await openStore({ dir: box.data, deviceId, clock: systemClock, log: silentLog })
  try {
    await store.state.set('recipe', 'of_marie')
    for (const subject of [chip, 'f'.repeat(32)]) {
      const id = v7()
      const at = '2026-11-20T08:00:00.000Z'
      const row = {
        ...{ kind: 'offset', id, at, by: 'Marie', heads: ['tof'], subject },
        ...{
          distance_mm: 100,
          offset_mm: Array(64).fill(0.5),
          noise_mm: 0.1,
          frames: 4,
          tilt_deg: { x: 0, y: 0 },
        },
      }
      await store.calibrations.save({
        ...{ id, kind: 'offset', subject, takenAt: at, takenBy: 'Marie', calibration: row },
      })
    }
  } finally {
    await store.close()
  }
}

test('a device is replaced: same station, a name and a log of its own, and what the old one knew', async (t) => {
  const here = await plant(t)
  const old = await Box.of(t, 'cell-9', 1)
  const token = (await here.say('token', 'cell-9', '--station', 'lyon/l2/s4')).stdout.trim()
  t.match((await old.enrolled(here, token)).stdout, /^station {5}lyon\/l2\/s4$/m)
  await worked(old, await chipOf(old), 'cell-9')

  await t.test('the old one leaves what it knows, when its timer runs and something changed', async (t) => {
    t.match(await old.say('deposit', '--json'), { code: 0, stdout: /"taken":true/ })
    t.match(await old.say('renew'), { code: 0, stderr: '' })
    const { deposits } = JSON.parse((await here.say('show', 'cell-9', '--json')).stdout)
    t.equal(deposits.length, 1, 'nothing had changed')
    await writeRecipes(old.data, async (recipes) => {
      const marie = await recipes.get('of_marie')
      if (marie === undefined) throw new Error('no recipe')
      await recipes.save('of_marie', { ...recipeJson(storedRecipe(marie)), title: 'Marie’s own' }, 'Marie')
    })
    t.match(await old.say('renew'), { code: 0, stderr: '' })
    t.equal(JSON.parse((await here.say('show', 'cell-9', '--json')).stdout).deposits.length, 2)
    t.match((await here.say('show', 'cell-9')).stdout, /^ {2}deposit 20.* bytes$/m)
  })

  const next = await Box.of(t, 'cell-10', 1)
  await t.test('the new one is told where it belongs, and what is offered', async (t) => {
    const replaced = await here.say('replace', 'cell-9', '--with', 'cell-10', '--serial', 'SN-10')
    t.match(replaced, { code: 0, stderr: /cell-10 may come once/ })
    t.match(
      await next.enrolled(here, replaced.stdout.trim(), '--serial', 'SN-11'),
      { code: 1 },
      'another board',
    )
    t.match(await next.enrolled(here, replaced.stdout.trim(), '--serial', 'SN-10'), {
      code: 0,
      stdout: /station {5}lyon\/l2\/s4\nfollows {5}cell-9\noffered {5}1 recipes, 2 calibrations of 20/,
    })
    t.match(await old.say('deposit'), { code: 1, stderr: /revoked|not in service/ }, 'the old one is out')
  })

  await t.test('it shows, takes up what a person confirms, and names what is of another chip', async (t) => {
    const shown = await next.say('adopt')
    t.match(shown, { code: 0, stderr: /nothing was taken up: --yes/ })
    t.match(shown.stdout, /^recipe {6}of_marie@2 by Marie$/m)
    t.match(shown.stdout, /^calibration offset of [0-9a-f]{16}…, 2026-11-20$/m)
    t.match(shown.stdout, /^calibrate anew: offset of f{16}…, 2026-11-20: another chip/m)

    const done = await next.say('adopt', '--yes', '--json')
    t.equal(done.code, 0, done.stderr)
    const adopted = JSON.parse(done.stdout)
    t.match(adopted, {
      ...{ device_id: 'cell-10', follows: 'cell-9', selected: 'of_marie', refused: [] },
      ...{ recipes: ['of_marie@1'], calibrations: { length: 1 }, anew: { length: 1 } },
    })
    const again = JSON.parse((await next.say('adopt', '--yes', '--json')).stdout)
    t.match(again, { recipes: [], calibrations: [] }, 'done again, it changes nothing')
    t.notOk('selected' in again)

    const store = await openStore({ dir: next.data, deviceId: 'cell-10', clock: systemClock, log: silentLog })
    t.match(await store.recipes.get('of_marie'), { revision: 1, savedBy: 'Marie' })
    t.equal((await store.calibrations.all('offset')).length, 1)
    t.equal(await store.state.get('recipe'), 'of_marie')
    t.equal(store.epoch.epoch, adopted.epoch)
    await store.close()
    t.not(await old.epoch('cell-9'), adopted.epoch, 'no consumer mixes the two logs')
  })

  await t.test('what people here have revised and selected since stays', async (t) => {
    await writeRecipes(next.data, async (recipes) => {
      const marie = await recipes.get('of_marie')
      if (marie === undefined) throw new Error('no recipe')
      await recipes.save('of_marie', { ...recipeJson(storedRecipe(marie)), title: 'Paul’s' }, 'Paul')
    })
    const open = () => openStore({ dir: next.data, deviceId: 'cell-10', clock: systemClock, log: silentLog })
    const before = await open()
    await before.state.set('recipe', 'of_paul')
    await before.close()
    const done = await next.say('adopt', '--yes', '--json')
    t.match(JSON.parse(done.stdout), { recipes: [], refused: ['recipe of_marie: revised here by Paul'] })
    t.equal(done.code, 1)
    const store = await open()
    t.teardown(() => store.close())
    t.match(await store.recipes.get('of_marie'), { revision: 2, savedBy: 'Paul' })
    t.equal(await store.state.get('recipe'), 'of_paul')
  })

  await t.test('a station that is called as the old one takes nothing up', async (t) => {
    const text = await readFile(next.config, 'utf8')
    await writeFile(next.config, text.replace('device_id: cell-10', 'device_id: cell-9'))
    t.match(await next.say('adopt', '--yes'), {
      code: 2,
      stderr: /device_id: cell-9: it is the name of the device before/,
    })
    t.match(await old.say('adopt'), { code: 1, stderr: /revoked|not in service/ })
  })
})

/** The serial of the simulated ranging chip. */
async function chipOf(box: Box): Promise<string> {
  const { commandConfig } = await import('../../../gateway/config-file.ts')
  const { atWorkbench } = await import('../../../gateway/calibration/workbench.ts')
  const person = { say: () => {}, ready: () => Promise.resolve(false) }
  const { config } = commandConfig(box.config)
  return await atWorkbench({ config, clock: systemClock, signal, person }, async ({ open }) => {
    const bench = await open()
    const serial = bench.heads.find(({ kind }) => kind === 'vl53l8ch')?.identity ?? ''
    await bench.close()
    return serial
  })
}

test('a device is taken out of service: revoked at once, wiped when it comes next', async (t) => {
  const here = await plant(t)
  const box = await Box.of(t, 'cell-8', 2)
  const lasts = await Box.of(t, 'cell-7', 3)
  for (const [one, name] of [
    [box, 'cell-8'],
    [lasts, 'cell-7'],
  ] as const) {
    await one.enrolled(here, (await here.say('token', name)).stdout.trim())
  }
  await box.epoch('cell-8')
  t.match(await box.say('orders'), { code: 0, stdout: 'nothing is ordered\n' })
  t.match(await here.say('decommission', 'cell-99'), { code: 1, stderr: /no such device/ })
  t.match(await here.say('decommission', 'cell-8', '--wipe-data'), {
    code: 0,
    stdout: /^cell-8: 1 taken back\nwipe of keys and data: pending since .*, not heard of since\n$/,
  })
  t.match((await here.say('list')).stdout, /cell-8 .*revoked.*pending since/, 'as long as it is away')

  await t.test('data wait for a station that runs, and keys for the data', async (t) => {
    const station = await lockDirectory(box.data)
    const said: string[] = []
    const order = async (patienceMs: number) =>
      carryOutOrders({
        client: await box.client(),
        ...{ dir: box.dir, dataDir: box.data, lock: lockDirectory, clock: systemClock },
        ...{ say: (line) => said.push(line), retryMs: 1, patienceMs },
      })
    t.match(await order(0), { state: 'waits', detail: /^data: .* is in use by another process/ })
    t.match(JSON.parse((await box.say('status', '--json')).stdout), {
      state: 'decommissioned',
      failure: 'the fleet takes this device out of service, and its data',
    })
    await station.close()
    t.ok(existsSync(join(box.dir, 'device.key')) && existsSync(join(box.data, 'poincon.db')))
    t.match((await here.say('list')).stdout, /cell-8 .*wipe of keys and data: waits/)
  })

  await t.test('what is for another device is not done', async (t) => {
    t.match(await lasts.say('orders'), { code: 0, stdout: 'nothing is ordered\n' })
    const id = JSON.parse((await here.say('show', 'cell-8', '--json')).stdout).order.order_id
    const report = (await lasts.client()).report({ id }, { state: 'done', detail: 'not mine' })
    await t.rejects(report, fails('refused', /no such order/))
    t.match((await here.say('list')).stdout, /cell-8 .*: waits/, 'nor reported for it')
  })

  await t.test('a configuration that cannot be read is said; the data wait for it', async (t) => {
    const text = await readFile(box.config, 'utf8')
    await writeFile(box.config, `${text}\nno_such_option: 1\n`)
    const waits = /waits: data: configuration: .*no_such_option/s
    t.match(await box.say('orders'), { code: 1, stderr: waits })
    await box.say('renew')
    t.match((await here.say('list')).stdout, /cell-8 .*: waits .*no_such_option/)
    t.ok(existsSync(join(box.dir, 'device.key')))
    await writeFile(box.config, text)
  })

  await t.test('what a device says reaches no terminal as it is', async (t) => {
    const id = JSON.parse((await here.say('show', 'cell-8', '--json')).stdout).order.order_id
    await (await box.client()).report({ id }, { state: 'failed', detail: 'a\u001b]0;b\u0007\nc\u009b2J' })
    const { stdout } = await here.say('list')
    t.ok(stdout.includes('a ]0;b  c 2J'))
    t.notMatch(stdout.replaceAll('\n', ''), /\p{Cc}/u)
  })

  await t.test('an order that is taken back while the station ends is not carried out', async (t) => {
    const client = await box.client()
    for (const calls of [1, 2]) {
      let asked = 0
      const orders = async () => {
        const said = await client.orders()
        asked += 1
        return said === undefined || asked <= calls ? said : { ...said, wipe: null }
      }
      const data = await folder(t)
      await writeFile(join(data, 'inspections.db'), 'x')
      const said: string[] = []
      const done = await carryOutOrders({
        client: { orders, report: (order, what) => client.report(order, what) },
        ...{ dir: box.dir, dataDir: data, lock: lockDirectory, clock: systemClock },
        say: (line) => said.push(line),
      })
      t.equal(done, undefined)
      t.match(said.at(-1), /taken back/)
      t.equal(existsSync(join(data, 'inspections.db')), calls === 1)
      t.ok(existsSync(join(box.dir, 'device.key')))
    }
  })

  await t.test('then it is done, and said', async (t) => {
    t.match(await box.say('orders'), { code: 0, stderr: /done: data: \d+ removed; keys: \d+ removed/ })
    t.same(await readdir(box.dir), [])
    t.equal(existsSync(join(box.data, 'poincon.db')), false)
    t.match(
      (await here.say('list')).stdout,
      /cell-8 .*wipe of keys and data: done .*: data: \d+ removed; keys/,
    )
  })

  await t.test('a device that is let in again finds no order of before', async (t) => {
    const before = await lasts.client()
    await here.say('decommission', 'cell-7')
    const token = (await here.say('token', 'cell-7', '--again')).stdout.trim()
    await lasts.enrolled(here, token, '--again')
    t.match(await lasts.say('orders'), { code: 0, stdout: 'nothing is ordered\n' })
    t.ok(existsSync(join(lasts.dir, 'device.key')))

    await here.say('decommission', 'cell-7')
    const id = JSON.parse((await here.say('show', 'cell-7', '--json')).stdout).order.order_id
    const refused = fails('refused', /taken back before cell-7 was let in anew/)
    await t.rejects(before.orders(), refused, 'the board of before hears nothing of orders for the new one')
    await t.rejects(before.report({ id }, { state: 'done', detail: '' }), refused, 'nor closes them')
  })

  await t.test('keys alone are given up also without a configuration that can be read', async (t) => {
    await writeFile(lasts.config, 'no_such_option: 1\n')
    t.match(await lasts.say('orders'), { code: 0, stderr: /done: keys: \d+ removed/ })
    t.same(await readdir(lasts.dir), [])
    t.match((await here.say('list')).stdout, /cell-7 .*: done/)
  })
})

test('orders of somebody else are not followed', async (t) => {
  const stand = await EstStand.open()
  t.teardown(() => stand.close())
  const box = await Box.of(t, 'cell-1', 4)
  await box.enrolled({ fleet: stand, root: stand.root }, 'a-token')
  const id = '0190b8a0-0000-7000-8000-000000000000'
  const wipe = { id, data: true, ordered_at: '2026-11-22T03:00:00.000Z' }
  const client = await box.client()
  const honest = {
    ...{ schema: 'poincon.orders/1', device_id: 'cell-1', certificate: client.serial, wipe },
  }
  let answer: unknown = honest
  stand.otherwise = ({ response }) => response.writeHead(200).end(JSON.stringify(answer))
  t.match(await client.orders(), { wipe: { id } }, 'those of its own authority are')

  for (const [what, said] of [
    ['for another device', { ...honest, device_id: 'cell-2' }],
    ['for a certificate of before: it was let in again', { ...honest, certificate: '41'.repeat(16) }],
    ['that are none', { wipe }],
  ] as const) {
    answer = said
    await t.rejects(client.orders(), fails('untrusted'), what)
    t.match(await box.say('orders'), { code: 1, stderr: /^poincon: orders: / })
  }

  answer = honest
  const file = join(box.dir, 'device.json')
  const settings = JSON.parse(await readFile(file, 'utf8'))
  const other = await plant(t)
  await writeFile(file, JSON.stringify({ ...settings, url: other.fleet.url }))
  await t.rejects((await box.client()).orders(), fails('untrusted'), 'a server of another authority')
  t.ok(existsSync(join(box.dir, 'device.key')), 'nothing was wiped')

  stand.otherwise = undefined
  await writeFile(file, JSON.stringify(settings))
  t.equal(await (await box.client()).orders(), undefined, 'an authority that gives none')
})
