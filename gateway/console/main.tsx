import { render } from 'preact'
import { App } from './app.tsx'
import { keep, kept } from './kept.ts'
import { chooseLanguage, type Language } from './texts.ts'

const LANGUAGE_KEY = 'poincon.language'

function keepLanguage(language: Language): void {
  document.documentElement.lang = language
  keep(LANGUAGE_KEY, language)
}

function logProblem(problem: unknown): void {
  // biome-ignore lint/suspicious/noConsole: the browser's console is the only log that a page has
  console.warn(problem)
}

const language = chooseLanguage([kept(LANGUAGE_KEY) ?? '', ...navigator.languages])
document.documentElement.lang = language

const feedUrl = new URL('ws/realtime', location.href)
feedUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
feedUrl.search = ''
feedUrl.hash = ''

/** Beside the page, wherever that stands. */
function addressOf(resource: string): string {
  return new URL(resource, location.href).href
}

const root = document.querySelector('#app')
if (root === null) throw new Error('the page has no #app')
render(
  <App
    feedUrl={feedUrl.href}
    qualityUrl={addressOf('api/v1/quality')}
    historyUrl={addressOf('api/v1/aggregates')}
    storageUrl={addressOf('api/v1/storage')}
    oldHeadsUrl={addressOf('api/v1/old-heads')}
    engravingsUrl={addressOf('api/v1/engravings')}
    lensesUrl={addressOf('api/v1/lenses')}
    evidenceUrl={addressOf('api/v1/evidence')}
    updateUrl={addressOf('api/v1/update')}
    language={language}
    onLanguage={keepLanguage}
    onNewRelease={() => location.reload()}
    onProblem={logProblem}
  />,
  root,
)
