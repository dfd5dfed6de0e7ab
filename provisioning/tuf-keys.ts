import type { Key } from '@tufjs/models'
import type { TrustedMetadataStore } from 'tuf-js/dist/store.js'
import { IntegrityError } from './tuf-errors.ts'

interface Signers {
  readonly keyIDs: readonly string[]
  readonly threshold: number
}

function check(name: string, { keyIDs, threshold }: Signers, keys: Readonly<Record<string, Key>>): void {
  const values = keyIDs.map((id) => keys[id]?.keyVal.public).filter((value) => value !== undefined)
  if (threshold > 1 && new Set(values).size < values.length) {
    throw new IntegrityError(
      'signatures',
      `role ${name}: one key stands under two names, for a threshold of ${threshold}`,
    )
  }
}

/**
 * Refuses a threshold that one key could reach alone. tuf-js counts the names of keys (TUF 5.3.4 counts keys), and a name
 * is whatever the metadata says it is.
 * @throws IntegrityError `signatures`
 */
export function checkKeys(store: TrustedMetadataStore): void {
  const { roles, keys } = store.root.signed
  for (const [name, role] of Object.entries(roles)) check(name, role, keys)
  const loaded = Object.keys(store.snapshot?.signed.meta ?? {}).map((file) => file.replace(/\.json$/, ''))
  for (const name of loaded) {
    const delegations = store.getRole(name)?.signed.delegations
    if (delegations === undefined) continue
    for (const role of Object.values(delegations.roles ?? {})) check(role.name, role, delegations.keys)
  }
}
