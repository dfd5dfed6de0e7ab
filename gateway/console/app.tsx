import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Alerts } from './alerts.tsx'
import { Banners } from './banners.tsx'
import { Channels } from './channels.tsx'
import { EngravingRoom } from './engraving.tsx'
import { RealtimeFeed } from './feed.ts'
import { type Format, formatFor } from './format.ts'
import { Header } from './header.tsx'
import { Heights } from './heights.tsx'
import { HistoryRoom } from './history.tsx'
import { useNow, usePaced, usePalette, useRoom } from './hooks.ts'
import { InspectionDetail } from './inspection-detail.tsx'
import { Inspections } from './inspections.tsx'
import { LensPanel } from './lens.tsx'
import type { Palette } from './palette.ts'
import { QualityFeed } from './quality-feed.ts'
import { after, type ConsoleEvent, type ConsoleState, NOTHING_YET, outlook } from './state.ts'
import { LotCounters, Units } from './station.tsx'
import { StorageRoom } from './storage.tsx'
import { type Language, TEXTS } from './texts.ts'
import { UpdateBar } from './update-bar.tsx'
import { VerdictPanel } from './verdict.tsx'
import type { Inspection } from './wire.ts'

const DRAWN_EVERY_MS = 200
const NO_ALERTS: readonly [] = []

interface AppProps {
  readonly feedUrl: string
  readonly qualityUrl: string
  readonly historyUrl: string
  readonly storageUrl: string
  readonly oldHeadsUrl: string
  readonly engravingsUrl: string
  readonly lensesUrl: string
  readonly evidenceUrl: string
  readonly updateUrl: string
  readonly language: Language
  /** Called with what a person chose, to be kept. */
  readonly onLanguage: (language: Language) => void
  /** The gateway runs another release than the one this page came from. */
  readonly onNewRelease: () => void
  /** Called with what goes wrong and is no matter of the person at the line. */
  readonly onProblem: (problem: unknown) => void
}

/** The page: the live room tells of the part that passes; the other rooms are a touch away. */
export function App(props: AppProps) {
  const { onLanguage, onProblem } = props
  const room = useRoom()
  const state = useFeeds(props)
  useNewRelease(state.version, props.onNewRelease)
  const [language, setLanguage] = useState(props.language)
  const format = useMemo(() => formatFor(language, TEXTS[language]), [language])
  const palette = usePalette()
  const [opened, setOpened] = useState<Inspection>()
  const ticking = useNow(500)
  // An event may be younger than the last tick.
  const now = Math.max(ticking, state.newestAt ?? 0, state.awaySince ?? 0)

  const choose = (chosen: Language): void => {
    setLanguage(chosen)
    onLanguage(chosen)
  }
  const view = outlook(state, now)
  const [newest] = state.inspections
  const measured = {
    format,
    palette,
    old: view.kind === 'no-data',
    empty: newest === undefined ? format.texts.noPartYet : format.texts.nothingMeasured,
  }
  const history = useMemo(
    () => (
      <Inspections
        {...{ inspections: state.inspections, skipped: state.skipped, format }}
        onOpen={setOpened}
      />
    ),
    [state.inspections, state.skipped, format],
  )
  return (
    <>
      <Header {...{ state, room, format }} outlook={view} onLanguage={choose} />
      <Banners state={state} now={now} format={format} />
      <UpdateBar updateUrl={props.updateUrl} {...{ format, onProblem }} />
      <main class={`room-${room}`}>
        <Alerts
          alerts={state.quality?.alerts ?? NO_ALERTS}
          wallMs={Date.now() + state.gatewayAhead}
          format={format}
        />
        {room === 'live' && (
          <>
            <VerdictPanel outlook={view} format={format} />
            <Measured {...{ newest, measured, evidenceUrl: props.evidenceUrl }} />
            {history}
            <aside>
              {state.station !== undefined && (
                <>
                  <LotCounters station={state.station} quality={state.quality} format={format} />
                  <Units station={state.station} format={format} />
                </>
              )}
            </aside>
          </>
        )}
        {room === 'engraving' && (
          <EngravingRoom
            engravingsUrl={props.engravingsUrl}
            lensesUrl={props.lensesUrl}
            {...{ format, onProblem }}
          />
        )}
        {room === 'history' && (
          <HistoryRoom
            url={props.historyUrl}
            station={state.station}
            {...{ gatewayAhead: state.gatewayAhead, format, palette, onProblem }}
          />
        )}
        {room === 'storage' && (
          <StorageRoom
            storageUrl={props.storageUrl}
            oldHeadsUrl={props.oldHeadsUrl}
            {...{ gatewayAhead: state.gatewayAhead, format, onProblem }}
          />
        )}
      </main>
      {opened !== undefined && (
        <InspectionDetail
          {...{ inspection: opened, evidenceUrl: props.evidenceUrl, format }}
          onClose={() => setOpened(undefined)}
        />
      )}
    </>
  )
}

interface MeasuredProps {
  readonly newest: Inspection | undefined
  readonly measured: {
    readonly format: Format
    readonly palette: Palette
    readonly old: boolean
    readonly empty: string
  }
  readonly evidenceUrl: string
}

/** What was measured of the newest part: of a lens, the camera's picture in the place of what no head has measured. */
function Measured({ newest, measured, evidenceUrl }: MeasuredProps) {
  const { vl53l8ch: ranging, as7341: spectrum, camera } = newest ?? {}
  if (newest === undefined || camera === undefined) {
    return (
      <>
        <Heights block={ranging} {...measured} />
        <Channels block={spectrum} {...measured} />
      </>
    )
  }
  const { format, old } = measured
  return (
    <>
      <LensPanel {...{ block: camera, verdict: newest.verdict, evidenceUrl, format, old }} />
      {ranging !== undefined && spectrum === undefined && <Heights block={ranging} {...measured} />}
      {spectrum !== undefined && <Channels block={spectrum} {...measured} />}
    </>
  )
}

/** What the gateway at these addresses tells, for as long as the page stands. */
function useFeeds({ feedUrl, qualityUrl, onProblem }: AppProps): ConsoleState {
  const [state, tell] = usePaced(reduce, NOTHING_YET, DRAWN_EVERY_MS)
  useEffect(() => {
    const quality = new QualityFeed(qualityUrl, tell, onProblem)
    const feed = new RealtimeFeed(feedUrl, (event) => {
      tell(event)
      if (event.type === 'station') quality.nudge()
    })
    feed.open()
    quality.open()
    return () => {
      feed.close()
      quality.close()
    }
  }, [feedUrl, qualityUrl, onProblem, tell])
  return state
}

function useNewRelease(version: string | undefined, onNewRelease: () => void): void {
  const first = useRef<string>()
  useEffect(() => {
    first.current ??= version
    if (version !== first.current) onNewRelease()
  }, [version, onNewRelease])
}

function reduce(state: ConsoleState, event: ConsoleEvent): ConsoleState {
  return after(state, event, { now: performance.now(), wall: Date.now() })
}
