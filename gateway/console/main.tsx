import { render } from 'preact'
import { App } from './app.tsx'
import { chooseLanguage, type Language } from './texts.ts'

const LANGUAGE_KEY = 'poincon.language'

/** A browser may forbid storage: then the choice lasts as long as the page. */
function keptLanguage(): string[] {
  try {
    const kept = localStorage.getItem(LANGUAGE_KEY)
    return kept === null ? [] : [kept]
  } catch {
    return []
  }
}

function keepLanguage(language: Language): void {
  document.documentElement.lang = language
  try {
    localStorage.setItem(LANGUAGE_KEY, language)
  } catch {
    // Nothing to keep it in.
  }
}

function logProblem(problem: unknown): void {
  // biome-ignore lint/suspicious/noConsole: the browser's console is the only log that a page has
  console.warn(problem)
}

const language = chooseLanguage([...keptLanguage(), ...navigator.languages])
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
    language={language}
    onLanguage={keepLanguage}
    onNewRelease={() => location.reload()}
    onProblem={logProblem}
  />,
  root,
)
