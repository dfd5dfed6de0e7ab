import { test } from 'tap'
import { answersSchema } from '../../../gateway/first-contact/answers.ts'
import { interview } from '../../../gateway/first-contact/interview.ts'
import type { Found } from '../../../gateway/first-contact/machine.ts'

const nothing: Found = { hostname: 'x', buses: [], cameras: [], gpioChips: [], clocks: [] }

/** Types these answers, by the beginning of the question; Enter for all others. */
function typist(answers: Readonly<Record<string, string | string[]>>) {
  const asked: string[] = []
  const said: string[] = []
  const left = new Map(Object.entries(answers).map(([key, value]) => [key, [value].flat()]))
  const ask = (question: string, proposal: string): Promise<string> => {
    asked.push(question)
    const key = [...left.keys()].find((start) => question.startsWith(start))
    const typed = key === undefined ? undefined : left.get(key)?.shift()
    return Promise.resolve(typed ?? proposal)
  }
  return { ask, asked, said, say: (line: string) => void said.push(line) }
}

const defaults = answersSchema.parse({})

test('Enter all along takes the proposals', async (t) => {
  const person = typist({})
  t.same(await interview(nothing, defaults, person.ask, person.say), defaults)
  t.notOk(
    person.asked.some((question) => question.startsWith('Bucket')),
    'nothing about what is not there',
  )
})

test('a line in France, with a mistake that is said and asked again', async (t) => {
  const person = typist({
    Language: 'fr',
    Site: ['Périgueux', 'perigueux'],
    Poste: '3',
    'Ce qui annonce': 'light-barrier',
    'Ligne GPIO de la barrière': '24',
    'Un volet': 'o',
    'Ligne GPIO qui laisse': '17',
    'Du déclenchement': '1500',
    'Serveur MQTT': ['broker.usine', 'mqtts://broker.usine'],
    'Nom d’utilisateur': 'presse-4',
  })
  const answers = await interview(nothing, defaults, person.ask, person.say)
  t.match(answers, {
    language: 'fr',
    site: 'perigueux',
    station: '3',
    trigger: { kind: 'light-barrier', line: 24 },
    gate: { pass: 17, stop: 23, delay_ms: 1500 },
    broker: { url: 'mqtts://broker.usine', username: 'presse-4' },
  })
  t.equal(answers.gate?.kick, undefined, 'an empty answer is none')
  t.ok(person.said.some((line) => line.includes('Périgueux: expected 1 to 64 of a-z, 0-9 and -')))
  t.ok(person.said.some((line) => line.includes('broker.usine: expected mqtt://host')))
})

test('answers that are there already are proposed', async (t) => {
  const before = answersSchema.parse({
    site: 'lyon',
    gate: { pass: 5, stop: 6, delay_ms: 900 },
    trigger: { kind: 'interval', period_ms: 250 },
    influx: { url: 'http://db:8086', bucket: 'line-4' },
  })
  const person = typist({})
  t.same(await interview(nothing, before, person.ask, person.say), before)
})
