import { createHash, randomBytes } from 'node:crypto'
import { addCertificate, type Certificate, revokeAll } from './inventory.ts'
import type { InventoryDatabase, Queries } from './inventory-database.ts'
import { cancelOrders } from './wipe-orders.ts'

/** Refused, with what is wrong; for people, and for the device that asked. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError'
}

/** Whom a token lets in. */
export interface Admission {
  readonly deviceId: string
  /** The serial number that the request must bear. */
  readonly serial?: string | undefined
  readonly station?: string | undefined
  /** The device whose station it takes over. */
  readonly replaces?: string | undefined
  /** Also for a device that was taken out before. */
  readonly again?: boolean
  /** No secret: the device comes with its maker's certificate, which names the serial number. */
  readonly factory?: boolean
  readonly lifeMs: number
}

/** Who stands at the door. */
export interface Claim {
  readonly proof:
    | { readonly kind: 'token'; readonly token: string }
    | { readonly kind: 'factory'; readonly serial: string }
  readonly deviceId: string
  /** In the request's subject. */
  readonly serial: string | undefined
  /** SHA-256 of the public key that the certificate is for. */
  readonly keyHash: string
  readonly atMs: number
}

interface Row {
  readonly token_id: string
  readonly device_id: string
  readonly serial: string | null
  readonly replaces: string | null
  readonly expires_ms: number
  readonly used_ms: number | null
  readonly key_hash: string | null
  readonly certificate: string | null
}

export type Issued = Omit<Certificate, 'revoked_ms' | 'reason'>

/** Who may enrol: one use each, bound to a device, for a while. */
export class Tokens {
  readonly #database: InventoryDatabase

  constructor(database: InventoryDatabase) {
    this.#database = database
  }

  /**
   * Makes a token. Only its SHA-256 is stored: 192 random bits need no slow hash.
   * @returns the secret, to be shown once; undefined for a factory admission
   * @throws AdmissionError
   */
  async make(
    admission: Admission,
    atMs: number,
  ): Promise<{ readonly id: string; readonly token: string | undefined }> {
    const { deviceId, serial, replaces, factory = false, lifeMs } = admission
    if (factory && serial === undefined)
      throw new AdmissionError('a factory certificate is known by its serial number')
    const token = factory ? undefined : randomBytes(24).toString('base64url')
    const id = randomBytes(4).toString('hex')
    await this.#database.transaction(async (queries) => {
      await expectDevice(queries, admission, atMs)
      await queries.run(
        `INSERT INTO tokens (token_id, hash, device_id, serial, replaces, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [
          id,
          token === undefined ? null : hashOf(token),
          deviceId,
          serial ?? null,
          replaces ?? null,
          atMs,
          atMs + lifeMs,
        ],
      )
    })
    return { id, token }
  }

  /**
   * Lets one in: the token is used and the certificate is written down in one step, or neither. Asked again for the same
   * key, as after an answer that got lost, it gives the same certificate.
   * @throws AdmissionError
   */
  claim(claim: Claim, issue: () => Promise<Issued>): Promise<Issued> {
    return this.#database.transaction(async (queries) => {
      const row = await find(queries, claim)
      const earlier = check(row, claim)
      if (earlier !== undefined) return await repeated(queries, earlier)
      const issued = await issue()
      await use(queries, row, { claim, issued })
      return issued
    })
  }
}

async function find(queries: Queries, { proof, deviceId }: Claim): Promise<Row> {
  const [row] =
    proof.kind === 'token'
      ? await queries.all<Row>('SELECT * FROM tokens WHERE hash = ? AND device_id = ?', [
          hashOf(proof.token),
          deviceId,
        ])
      : await queries.all<Row>(
          'SELECT * FROM tokens WHERE hash IS NULL AND serial = ? AND device_id = ? ORDER BY created_ms DESC LIMIT 1',
          [proof.serial, deviceId],
        )
  // Who guesses learns nothing of which half was wrong.
  if (row === undefined) throw new AdmissionError('the token is not one for this device')
  return row
}

/** @returns the serial of the certificate that was given for the same key */
function check(row: Row, { serial, keyHash, atMs }: Claim): string | undefined {
  if (row.serial !== null && row.serial !== serial) {
    throw new AdmissionError(
      `the token is for serial number ${row.serial}, the request names ${serial ?? 'none'}`,
    )
  }
  if (atMs >= row.expires_ms) throw new AdmissionError('the token has expired')
  if (row.used_ms === null) return undefined
  if (row.key_hash === keyHash && row.certificate !== null) return row.certificate
  throw new AdmissionError('the token was used')
}

async function repeated(queries: Queries, serial: string): Promise<Issued> {
  const [found] = await queries.all<Certificate>(
    'SELECT * FROM certificates WHERE serial = ? AND revoked_ms IS NULL',
    [serial],
  )
  if (found === undefined) throw new AdmissionError('the token was used, and its certificate taken back')
  return found
}

async function use(
  queries: Queries,
  row: Row,
  { claim, issued }: { readonly claim: Claim; readonly issued: Issued },
): Promise<void> {
  const { atMs, keyHash, deviceId, serial } = claim
  // A new proof of who it is makes what it held before worth nothing.
  await revokeAll(queries, { deviceId, reason: 'superseded', atMs })
  await addCertificate(queries, issued)
  await queries.run('UPDATE tokens SET used_ms = ?, key_hash = ?, certificate = ? WHERE token_id = ?', [
    ...[atMs, keyHash, issued.serial, row.token_id],
  ])
  await queries.run(
    `UPDATE devices SET state = 'enrolled', serial = coalesce(?, serial), last_seen_ms = ? WHERE device_id = ?`,
    [serial ?? null, atMs, deviceId],
  )
  if (row.replaces === null) return
  await queries.run(`UPDATE devices SET state = 'replaced', replaced_by = ? WHERE device_id = ?`, [
    deviceId,
    row.replaces,
  ])
  await revokeAll(queries, { deviceId: row.replaces, reason: 'cessationOfOperation', atMs })
}

async function expectDevice(queries: Queries, admission: Admission, atMs: number): Promise<void> {
  const { deviceId, serial, station, replaces, again = false } = admission
  const [known] = await queries.all<{ state: string }>('SELECT state FROM devices WHERE device_id = ?', [
    deviceId,
  ])
  if (known !== undefined && ['revoked', 'replaced'].includes(known.state) && !again) {
    throw new AdmissionError(`${deviceId} is ${known.state}: choose another device id, or say --again`)
  }
  const old = replaces === undefined ? undefined : await oldStation(queries, replaces, deviceId)
  const taken = station ?? old ?? null
  if (known === undefined) {
    await queries.run(
      `INSERT INTO devices (device_id, serial, station, state, created_ms) VALUES (?, ?, ?, 'expected', ?)`,
      [deviceId, serial ?? null, taken, atMs],
    )
    return
  }
  if (again) await cancelOrders(queries, deviceId, atMs)
  const state = again ? `, state = 'expected', replaced_by = NULL` : ''
  await queries.run(`UPDATE devices SET station = coalesce(?, station)${state} WHERE device_id = ?`, [
    taken,
    deviceId,
  ])
}

async function oldStation(queries: Queries, replaces: string, deviceId: string): Promise<string | null> {
  if (replaces === deviceId)
    throw new AdmissionError(`${deviceId} cannot replace itself: the new device has a new id`)
  const [old] = await queries.all<{ station: string | null }>(
    'SELECT station FROM devices WHERE device_id = ?',
    [replaces],
  )
  if (old === undefined) throw new AdmissionError(`${replaces}: there is no such device`)
  return old.station
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
