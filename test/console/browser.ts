import { existsSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import { buildServer } from '../../gateway/api/server.ts'
import type { FakeStation } from '../fakes/api.ts'

const CHROMIUM = '/usr/bin/chromium'
/** Why no page can be opened here; false where one can. */
export const NO_BROWSER = existsSync(CHROMIUM) ? false : `SKIPPED: no ${CHROMIUM}`

const LAUNCH = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser, closed with the test. */
export async function launch(t: Test): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: LAUNCH })
  t.teardown(() => browser.close())
  return browser
}

/** When every test begins, for the browser and for the gateway. */
export const NOON = Date.UTC(2026, 10, 21, 12, 0, 0)

/** The time stamp of what was made so long before. */
export const madeAt = (msBeforeNoon: number) => ({ timestamp: new Date(NOON - msBeforeNoon).toISOString() })

/** A gateway with a fake station behind it. */
export async function serve(station: FakeStation, wall: () => number, port = 0, version = '0.1.0') {
  const app: FastifyInstance = buildServer(station.sources({ version, clock: { ...systemClock, wall } }))
  const url = await app.listen({ host: '127.0.0.1', port })
  return { app, url, port: Number(new URL(url).port) }
}

/** Half of the age at which a verdict is old: long enough for the slowest machine to read it before. */
export const PERIOD_MS = 30_000

/** Opens the page of a station, in a browser whose clock and the gateway's `pass` moves. */
export async function open(
  t: Test,
  browser: Browser,
  station: FakeStation,
  options: BrowserContextOptions = {},
) {
  station.change({ period_ms: PERIOD_MS })
  let ahead = 0
  const wall = (): number => NOON + ahead
  const { app, url, port } = await serve(station, wall)
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    ...options,
  })
  t.teardown(() => Promise.all([context.close(), app.close()]))
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (entry) => {
    if (['error', 'warning'].includes(entry.type())) complaints.push(entry.text())
  })
  await page.clock.install({ time: NOON })
  await page.goto(url)
  await page.locator('.connection-open').waitFor()
  await page.locator('#units').waitFor()
  await page.locator('.key-figures').waitFor()
  /** Time passes at once, here and there. */
  const pass = async (ms: number): Promise<void> => {
    ahead += ms
    await page.clock.fastForward(ms)
  }
  return { app, page, port, wall, pass, complaints }
}

export const text = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent())?.trim() ?? ''
export const background = (page: Page, selector: string): Promise<string> =>
  page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).backgroundColor`)
/** How far the page reaches beyond the window, px. */
export const overflowOf = (page: Page): Promise<{ right: number; below: number }> =>
  page.evaluate<{ right: number; below: number }>(`(() => {
    const { scrollWidth, scrollHeight, clientWidth, clientHeight } = document.documentElement
    return { right: scrollWidth - clientWidth, below: scrollHeight - clientHeight }
  })()`)
