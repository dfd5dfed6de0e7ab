import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../drivers/clock.ts'
import { AggregateBook } from './aggregates/book.ts'
import { reportSums } from './aggregates/report.ts'
import { alerting } from './alerting.ts'
import type { AnomalyScorer } from './anomaly.ts'
import { loadAnomalyScorer } from './anomaly-files.ts'
import { ApiServer } from './api/server.ts'
import { backupUnits } from './backup/place.ts'
import { busUnits } from './bus-status.ts'
import { changePermit } from './change-permit.ts'
import { ClockDiscipline } from './clock-discipline.ts'
import type { Config } from './config.ts'
import { contentFolder, contentIn, STATION_FLOWS } from './content.ts'
import { type Delivering, delivering } from './delivering.ts'
import { Esp32Door } from './esp32/door.ts'
import { FeedHub } from './feed.ts'
import { FirstPart } from './first-part.ts'
import { FlowsProcess } from './flows.ts'
import type { Foundation } from './foundation.ts'
import { decideWithinMs as gateDeadlineMs } from './gate-plan.ts'
import { PartCounters } from './health/counters.ts'
import { HealthBoard, type HealthReport } from './health/health.ts'
import { Metrics } from './health/metrics.ts'
import { watchdogUnits } from './health/watchdog.ts'
import { type LineCommandParts, lineCommands } from './line-commands.ts'
import type { Log } from './log.ts'
import { LotBook } from './lot-book.ts'
import { type Measuring, measuring } from './measuring.ts'
import type { Broker } from './mqtt/broker.ts'
import { CommandServer } from './mqtt/commands.ts'
import { stationTopics } from './mqtt/topics.ts'
import { OldHeads } from './old-heads.ts'
import { oldHeadsView } from './old-heads-view.ts'
import { cameraOf, panelOf, smallPicture } from './periphery.ts'
import { type Proof, proofOf } from './proof/proof.ts'
import { QualityWatch } from './quality.ts'
import { describeQuality } from './quality-view.ts'
import { recognition } from './recognition.ts'
import type { ReplayOptions } from './replay/player.ts'
import { scanProblem } from './scan-problem.ts'
import { Setup } from './setup.ts'
import { ShiftBook } from './shift-book.ts'
import { Retirement, run, type Unit } from './station.ts'
import { describeStation } from './station-view.ts'
import { describeStorage } from './storage-view.ts'
import { retentionLimits } from './store/retention/limits.ts'
import { historyOf } from './stored-history.ts'
import { deliveredUpdates } from './update-content.ts'
import { keptEngravings, keptLenses } from './update-keeping.ts'
import { type Updating, updating } from './updating.ts'

export interface StationOptions extends Foundation {
  readonly config: Config
  readonly version: string
  readonly log: Log
  /** Everything but the gate. */
  readonly dryRun: boolean
  /** Recorded parts in place of the heads. */
  readonly replay?: Omit<ReplayOptions, 'heads' | 'clock'>
  /** Of the process; a child is given little of it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts to end the station. */
  readonly signal: AbortSignal
  /** Is given what reads users and certificates again (SIGHUP). */
  readonly onReload?: (reload: () => void) => void
  /** Called once, when parts are inspected and stored. */
  readonly ready: (where: { readonly url: string | undefined; readonly mqttPort: number | undefined }) => void
}

/** One station: makes every part of it on its foundation, and runs it until the signal aborts. */
export async function runStation(options: StationOptions): Promise<void> {
  const { config, log, identity, hardware, store } = options
  const clock = systemClock
  const { gate } = hardware
  const moved = gate !== undefined && !options.dryRun && !config.dry_run
  const decideWithinMs = moved ? gateDeadlineMs(gate) : undefined
  const setup = await Setup.load(store, {
    recipeId: config.recipe,
    wallMs: clock.wall(),
    wall: () => clock.wall(),
    // Recorded looks are as dense as they are, whatever the heads of this station do.
    ...(options.replay === undefined
      ? { refusal: (recipe, tray) => scanProblem(recipe, { heads: config.heads, tray, decideWithinMs }) }
      : {}),
  })
  const anomalies = await loadAnomalyScorer(config.data_dir, (file, err) =>
    log.warn({ file, err }, 'anomaly model not used'),
  )
  const firstPart = new FirstPart(store.state, log)
  await firstPart.load()
  let signed = (): void => {}
  const proof = await proofOf({ config, identity, store, taken: () => signed(), clock, log })
  // A device that is taken out of service with its data ends its station: they cannot be wiped under it.
  const retirement = new Retirement()
  const signal = AbortSignal.any([options.signal, retirement.signal])
  const retired = (): void => retirement.order()
  const station = await assemble({ ...options, signal, setup, anomalies, firstPart, proof, retired })
  signed = station.signed
  await run(station.units, signal, log, () => {
    station.ready()
    retirement.up()
  })
}

interface Parts extends StationOptions {
  readonly setup: Setup
  readonly anomalies: AnomalyScorer
  readonly firstPart: FirstPart
  readonly proof: Proof
  /** The device is taken out of service, and what it stored is to be wiped. */
  readonly retired: () => void
}

interface Assembled {
  readonly units: readonly Unit[]
  readonly ready: () => void
  /** The chain was signed. */
  readonly signed: () => void
}

/** Wires everything to everything; nothing runs yet. */
async function assemble(parts: Parts): Promise<Assembled> {
  const { config, log, identity, store, hardware, setup, anomalies, firstPart, version } = parts
  const clock = systemClock
  const ungated = hardware.gate === undefined
  if (ungated) log.warn('no gate is wired (gate.lines): the station runs dry')
  const dryRun = parts.dryRun || config.dry_run || parts.replay !== undefined || ungated
  const counters = new PartCounters()
  counters.foundUnrecorded(store.unrecorded.last?.parts ?? 0)
  const feed = new FeedHub()
  const discipline = new ClockDiscipline({ clock, log })
  const metrics = Metrics.open({
    version,
    counters: () => counters.sinceStart(),
    sinks: () => delivery.counts(),
  })
  const lots = new LotBook({
    ...{ documents: store.documents, clock, ending: parts.signal },
    behind: () => store.backlog('lots'),
  })
  const sums = new AggregateBook(store.aggregates, clock)
  const retention = store.retention({
    limits: retentionLimits(config.store),
    ...{ clock, log },
    clockTrusted: () => discipline.state === 'synchronised',
  })
  const { checkpoints, trace } = parts.proof
  const health = (): HealthReport => board.report()
  const delivery: Delivering = await delivering({
    config,
    identity,
    setup,
    version,
    log,
    store,
    health,
    checkpoint: () => checkpoints.last,
    update: () => updates.message(),
    readers: [lots, sums],
  })
  const { screen, publishers } = delivery
  const updates: Updating = updating({
    ...{ config, memory: store.state, deviceId: identity.deviceId, clock, log },
    ...{ measure: () => measure, board: () => board, said: () => delivery.updated() },
    changed: () => feed.emit({ type: 'station' }),
    retired: parts.retired,
  })
  const alerted = alerting({ config, store, identity, publishers, clock, log })
  const quality: QualityWatch = new QualityWatch({
    config,
    alerts: alerted.alerts,
    state: store.state,
    lot: () => setup.lot.id,
    recipe: () => setup.recipe.recipe,
    units: () => board.report().units,
    gate: {
      get lineStopped() {
        return measure.gate.lineStopped
      },
      stopLine: () => measure.gate.stopLine(),
    },
    updating: () => updates.locked(),
    shifts: new ShiftBook(store.documents, log),
    clock,
    log,
  })
  const camera = parts.replay === undefined ? cameraOf(parts) : undefined
  const eyes = recognition({
    ...{ config, camera, log },
    expected: () => setup.recipe.recipe.camera?.lens,
  })
  const measure: Measuring = measuring({
    ...{
      config,
      identity,
      version,
      log,
      hardware,
      rack: parts.rack,
      setup,
      store,
      counters,
      metrics,
      feed,
      discipline,
      quality,
      anomalies,
      firstPart,
      dryRun,
      ...{ evidence: eyes.evidence, lens: eyes.lens, locked: updates.locked },
    },
    replay: parts.replay,
    screen,
    picture: () => smallPicture(camera?.newest()?.image),
  })
  const oldHeads = new OldHeads({
    ...{ config: config.esp32, identity, version, setup, store, feed, discipline, clock },
    keep: (name, work) => updates.commands.keep(name, work),
  })
  const door = config.esp32.enabled
    ? new Esp32Door({ config: config.esp32, version, samples: oldHeads, clock, log })
    : undefined
  const servers = commandServers(parts, delivery, measure, {
    ...{ oldHeads, counters, feed, lots, quality, updates },
    alerts: alerted.alerts,
  })
  const nodeRed = flowsProcess(parts, delivery.broker)
  const flows = [...nodeRed, ...watchdogUnits({ ...parts, ...measure, clock })]
  const resumed = (): void => {
    quality.resumed()
    firstPart.resumed('panel').catch((err: unknown) => log.warn({ err }, 'the check is not written down'))
  }
  const panel =
    parts.replay === undefined ? panelOf(parts, { ...measure, dryRun, resumed, board: () => board }) : []
  const backups = await backupUnits({ config, deviceId: identity.deviceId, version, clock, log })
  const extras: Unit[] = [
    ...[...eyes.units, ...(camera === undefined ? [] : [camera]), ...panel],
    ...[...measure.extras, ...backups],
  ]
  const over = [...alerted.units, quality, ...updates.units]
  const watched: Unit[] = [
    ...[discipline, checkpoints, ...delivery.units, retention, ...over, ...servers],
    ...[...measure.units, ...extras, ...flows, ...(door === undefined ? [] : [door])],
  ]
  const board: HealthBoard = new HealthBoard({
    version,
    clock,
    units: [
      ...[...watched, ...measure.calibrations],
      ...[...measure.heads.filter(isUnit), ...busUnits(hardware, config)],
    ],
    needed: ['store', ...measure.units.map(({ name }) => name)],
    counters,
    sinks: () => delivery.counts(),
  })
  const { heads, stationGate, acquisition } = measure
  if (stationGate !== undefined) {
    stationGate.watch = {
      alive: () => acquisition.alive,
      ready: () => board.ready().ready && !updates.locked(),
    }
  }
  const lineStopped = (): boolean => measure.gate.lineStopped
  const { sinkStatus, isReader, counts } = delivery
  const view = { config, identity, version, clock, discipline, board, setup, dryRun, heads, counters }
  const stored = { config, store, retention, checkpoint: () => checkpoints.last }
  const api = new ApiServer({
    host: config.http.host,
    port: config.http.port,
    version,
    history: store,
    health: board,
    metrics,
    station: () => describeStation({ ...view, counts, isReader, sinkStatus, lineStopped }),
    quality: () => describeQuality(quality, alerted.alerts.open()),
    trace,
    aggregates: (query) => reportSums(store.aggregates, query),
    storage: () => describeStorage({ ...stored, quarantine: delivery.quarantine, roleOf: delivery.roleOf }),
    oldHeads: oldHeadsView({ door, store }),
    checkpoints: parts.proof.signed,
    ...eyes.sources,
    engravings: keptEngravings(eyes.sources.engravings, updates.commands),
    lenses: keptLenses(eyes.sources.lenses, updates.commands),
    permit: changePermit(delivery.broker, log),
    updates: updates.desk,
    delivered: deliveredUpdates({
      ...{ dir: config.update.dir, recipes: store.recipes, setup, firstPart, log },
      ...{ quality: () => quality, updates: () => updates },
      restartFlows: () => {
        for (const each of nodeRed) each.restart()
        return nodeRed.length > 0
      },
      changed: () => {
        delivery.announce()
        feed.emit({ type: 'station' })
      },
    }),
    feed,
    consoleDir: fileURLToPath(new URL('../console/', import.meta.url)),
    sensors: door,
    clock,
    log,
  })
  return {
    signed: () => delivery.signed(),
    units: [
      ...[discipline, checkpoints, ...delivery.units, retention, ...over, ...servers],
      ...[...(door === undefined ? [] : [door]), api],
      ...[...extras, ...measure.units, ...flows],
    ],
    ready: () => {
      const { broker } = delivery
      if (broker !== undefined) parts.onReload?.(() => void broker.reload())
      board.enter('running')
      parts.signal.addEventListener('abort', () => board.enter('draining'), { once: true })
      feed.emit({ type: 'station' })
      parts.ready({ url: api.url, mqttPort: delivery.broker?.port })
    },
  }
}

function isUnit<T extends { readonly name?: string }>(head: T): head is T & { readonly name: string } {
  return head.name !== undefined
}

/** One server for every channel that commands come from; all do the same. */
function commandServers(
  { config, log, setup, store, firstPart }: Parts,
  delivery: Delivering,
  { acquisition, golden, desk, bring }: Measuring,
  {
    feed,
    oldHeads,
    updates,
    ...shop
  }: Pick<LineCommandParts, 'counters' | 'lots' | 'quality' | 'alerts'> & {
    readonly feed: FeedHub
    readonly oldHeads: OldHeads
    readonly updates: Updating
  },
): readonly Unit[] {
  const clock = systemClock
  const changed = (): void => {
    delivery.announce()
    feed.emit({ type: 'station' })
  }
  const handlers = lineCommands({
    ...{ ...shop, acquisition, bring, setup, golden, clock, log, changed },
    desk: () => ({
      ...desk(),
      measureOldTray: (device, by, validDays) => oldHeads.measureTray(device, by, validDays),
    }),
    stored: (id) => store.get(id),
    history: historyOf(store),
    inspection: config.mqtt.inspection,
    overrides: store.documents,
    quarantine: delivery.quarantine,
    firstPart,
    updates: updates.desk,
  })
  const topics = stationTopics(config)
  return delivery.channels.map(
    (channel) =>
      new CommandServer({ topics, channel, handlers: updates.commands.guarded(handlers), clock, log }),
  )
}

/** Node-RED, where it is wanted and has a broker to talk to. */
function flowsProcess({ config, env, log }: Parts, broker: Broker | undefined): readonly FlowsProcess[] {
  if (!config.flows.enabled || broker === undefined) return []
  const mqtt = {
    // Known when the broker listens.
    get host() {
      return new URL(broker.url).hostname.replace(/^\[|\]$/g, '')
    },
    get port() {
      return Number(new URL(broker.url).port)
    },
    topicBase: stationTopics(config).base,
    ...broker.credentials,
  }
  const folder = fileURLToPath(new URL('../../flows/', import.meta.url))
  const userDir = join(config.data_dir, 'flows')
  const shipped = (): string | undefined => {
    const came = contentFolder(contentIn(config.update.dir), 'flow', STATION_FLOWS)
    return came === undefined ? undefined : join(came, 'flows.json')
  }
  return [
    new FlowsProcess({ flows: config.flows, mqtt, folder, shipped, userDir, env, clock: systemClock, log }),
  ]
}
