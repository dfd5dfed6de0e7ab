import { equal, match, ok } from 'node:assert/strict'
import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { fallsBack } from './fault-cases.ts'
import { looks, PLANT, showSite } from './life-cases.ts'
import { as, dropIn, fromNow, note, seconds, shell, stateOf, until, writtenBytes } from './systemd-machine.ts'
import { STATION } from './unit-cases.ts'

const UPDATER = 'poincon-update.service'

async function versionOf(): Promise<string> {
  const answer = await fetch('http://127.0.0.1:8080/healthz').catch(() => undefined)
  return answer === undefined ? 'none' : JSON.parse(await answer.text()).version
}

interface Told {
  readonly state: string
  readonly to?: string
  readonly failure?: string
  readonly waiting_for?: readonly string[]
}

function told(): Told {
  const file = '/var/lib/poincon-update/status.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { state: 'none' }
}

/** One pass of the real unit, told state by state. @returns how it ended, and what it wrote to the disk, MB */
async function pass(): Promise<{ readonly last: Told; readonly writtenMb: number; readonly tookS: number }> {
  // As if it were due: it looks once an hour.
  rmSync('/var/lib/poincon-update/checked.json', { force: true })
  const [from, before, says] = [seconds(), writtenBytes(), fromNow()]
  shell(`systemctl --no-block start ${UPDATER}`)
  let state = told().state
  await until('poincon-update.service has ended', () => {
    const now = told()
    if (now.state !== state) note(`update: ${now.state} ${now.to ?? ''} ${now.failure ?? ''}`)
    state = now.state
    return seconds() - from > 3 && !['active', 'activating', 'deactivating'].includes(stateOf(UPDATER))
  })
  note(says(UPDATER))
  shell('sync')
  const writtenMb = Math.round((writtenBytes() - before) / 1e6)
  return { last: told(), writtenMb, tookS: Math.round(seconds() - from) }
}

/** The filter of the unit: no drop-in names the repository. */
export async function notReached(): Promise<void> {
  await pass()
  equal(await versionOf(), '0.1.0')
  equal(existsSync('/var/lib/poincon-update/journal'), false, 'no update has begun')
}

/** With a drop-in its release is taken. */
export async function updated(version: string): Promise<void> {
  dropIn(UPDATER, 'plant', `[Service]\nIPAddressAllow=${PLANT}\n`)
  const { last, writtenMb, tookS } = await pass()
  equal(last.state, 'committed', last.failure)
  equal(await versionOf(), version)
  equal(readlinkSync('/opt/poincon/current'), `releases/${version}`)
  equal(readlinkSync('/opt/poincon/previous'), 'releases/0.1.0')
  match(shell(`stat -c %U /opt/poincon/releases/${version}`), /^poincon-update$/)
  await looks()
  note(`updated to ${version} in ${tookS} s, ${writtenMb} MB written to the disk by everything meanwhile`)
}

/** A release whose self-test passes, and which cannot start. */
export async function rolledBack(site: string, from: string, to: string): Promise<void> {
  showSite(`${site}/second`)
  const { last, writtenMb, tookS } = await pass()
  equal(last.state, 'rolled_back')
  ok(last.failure !== undefined)
  await until(`${from} is READY`, async () => stateOf(STATION) === 'active' && (await versionOf()) === from)
  equal(readlinkSync('/opt/poincon/current'), `releases/${from}`)
  await looks()
  match(as('poincon', 'STATE_DIRECTORY=/var/lib/poincon poincon verify'), /\d/)
  note(`${to} taken back in ${tookS} s, ${writtenMb} MB written; poincon verify agrees`)
}

/** The release that was committed breaks later: a disk, somebody's hand. */
export async function breaksLater(): Promise<void> {
  await fallsBack(() =>
    writeFileSync('/opt/poincon/current/dist/gateway/commands/run.js', "throw new Error('damaged')\n"),
  )
  await looks()
}
