import { test } from 'tap'
import { updateOptions } from '../../provisioning/options.ts'

const HAWKBIT = { url: 'https://hawkbit.example', token_file: '/etc/poincon/secrets/hawkbit-token' }

/** What is said of a block that is wrong: where, and what was expected. */
function said(block: object): readonly string[] {
  const { error } = updateOptions.safeParse(block)
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test('updates come from one place', (t) => {
  t.same(said({ enabled: true }), ['url: expected url, directory or hawkbit where updates are enabled'])
  const both = { url: 'https://updates.example', directory: '/media/usb' }
  t.same(said(both), ['directory: expected one of url, directory and hawkbit'])
  t.same(said({ url: 'https://updates.example', hawkbit: HAWKBIT }), [
    'hawkbit: expected one of url, directory and hawkbit',
  ])
  t.same(said({ enabled: true, hawkbit: HAWKBIT }), [])
  t.end()
})

test('a hawkBit server is named with a token, which is shown to nobody on the way', (t) => {
  t.match(updateOptions.parse({ hawkbit: HAWKBIT }).hawkbit, { tenant: 'DEFAULT', token_kind: 'target' })
  t.match(said({ hawkbit: { url: HAWKBIT.url } }), [/^hawkbit\.token_file: /])
  const plain = { hawkbit: { ...HAWKBIT, url: 'http://hawkbit.example' } }
  t.same(said(plain), ['hawkbit.url: expected https://, since a token is shown there'])
  t.same(said({ hawkbit: { ...HAWKBIT, url: 'http://127.0.0.1:8080' } }), [], 'a tunnel of this machine')
  const named = { hawkbit: { ...HAWKBIT, url: 'https://me:pass@hawkbit.example' } }
  t.same(said(named), ['hawkbit.url: expected an address without a user name or password'])
  t.match(said({ hawkbit: { ...HAWKBIT, token: 'x' } }), [/^hawkbit: /], 'never in the configuration itself')
  t.end()
})
