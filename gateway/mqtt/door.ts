import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../drivers/clock.ts'
import type { Visitor } from './acl.ts'
import { LoginGuard } from './login-guard.ts'
import { verifyPassword } from './passwords.ts'
import type { ClientCertificate } from './tls.ts'
import { DEFAULT_USER, type User, type Users } from './users.ts'

/** One who wants to come in. */
export interface Caller {
  readonly address: string
  readonly certificate: ClientCertificate
  /** Came by the door inside: only the station's own word opens it. */
  readonly inside: boolean
  readonly username?: string | undefined
  readonly password?: Buffer | undefined
}

/** Why somebody is not let in: return codes of CONNACK (MQTT 3.1.1 §3.2.2.3). */
export interface Refusal {
  /** 2: not this client id; 3: come again later; 4: wrong name or password; 5: not authorised. */
  readonly code: 2 | 3 | 4 | 5
  readonly reason: string
}

/** What the station's own clients present; made anew at every start. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface DoorOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Nobody is asked who they are. */
  readonly anonymous: boolean
  /** Whoever has a certificate of the authority is a user, listed or not: there is no list. */
  readonly byCertificateAlone: boolean
}

/** No user can have this name. */
const STATION_USER = '$station'
/** Passwords that may wait to be tried; each takes a tenth of a second and 32 MiB, one after the other. */
const MOST_WAITING = 16

/** Says who somebody is, and whether they may come in. */
export class Door {
  readonly credentials: Credentials
  /** Replaced when the file changes. */
  users: Users = new Map()
  readonly #options: DoorOptions
  readonly #guard: LoginGuard
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  #refused = 0

  constructor(options: DoorOptions) {
    this.#options = options
    this.#guard = new LoginGuard(() => options.clock.now())
    this.credentials = { username: STATION_USER, password: randomBytes(32).toString('base64url') }
  }

  /** How many were not let in. */
  get refused(): number {
    return this.#refused
  }

  async admit(caller: Caller): Promise<Visitor | Refusal> {
    const answer = await this.#judge(caller)
    if ('code' in answer) this.#refused += 1
    return answer
  }

  /** Who a user is now; undefined when they have no place here any more. */
  userNow(name: string): User | undefined {
    return this.users.get(name) ?? (this.#options.byCertificateAlone ? DEFAULT_USER : undefined)
  }

  async #judge(caller: Caller): Promise<Visitor | Refusal> {
    const { username, inside, certificate } = caller
    const { anonymous } = this.#options
    if (username === STATION_USER || inside) {
      if ((inside || anonymous) && this.#isStation(caller)) return { kind: 'station', name: 'station' }
      // 256 random bits are not guessed: nobody on this machine shall lock the others out by trying.
      return { code: 4, reason: 'not the word of this station’s own clients' }
    }
    if (certificate.kind === 'refused') {
      return {
        code: 5,
        reason: `client certificate of ${certificate.name ?? 'nobody'}: ${certificate.reason}`,
      }
    }
    if (anonymous) return { kind: 'anonymous', name: 'anonymous' }
    if (certificate.kind === 'valid') return this.#byCertificate(certificate.name, username)
    return await this.#byPassword(caller)
  }

  #byCertificate(name: string, username: string | undefined): Visitor | Refusal {
    if (username !== undefined && username !== name) {
      return { code: 5, reason: `user name ${JSON.stringify(username)} with the certificate of ${name}` }
    }
    const user = this.userNow(name)
    return user === undefined
      ? { code: 5, reason: `certificate of ${name}: there is no such user` }
      : { kind: 'user', name, user }
  }

  async #byPassword({ address, username, password }: Caller): Promise<Visitor | Refusal> {
    if (username === undefined || password === undefined)
      return { code: 4, reason: 'no user name and password' }
    const waitMs = this.#guard.waitMs(address)
    if (waitMs > 0)
      return { code: 3, reason: `too many failed logins: again in ${Math.ceil(waitMs / 1000)} s` }
    if (this.#waiting >= MOST_WAITING) return { code: 3, reason: 'too many logins at once' }
    const user = this.users.get(username)
    const right = await this.#oneAfterTheOther(async () => {
      // Many at once are no way around the wait.
      if (this.#guard.waitMs(address) > 0) return false
      return await verifyPassword(password.toString('utf8'), user?.password)
    })
    // It may have been taken away while we counted.
    if (right && user !== undefined && this.users.get(username) === user)
      return { kind: 'user', name: username, user }
    this.#guard.failed(address)
    return { code: 4, reason: 'wrong user name or password' }
  }

  #isStation({ username, password }: Caller): boolean {
    const own = Buffer.from(this.credentials.password)
    if (username !== STATION_USER || password?.length !== own.length) return false
    return timingSafeEqual(password, own)
  }

  async #oneAfterTheOther(work: () => Promise<boolean>): Promise<boolean> {
    this.#waiting += 1
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    try {
      return await done
    } finally {
      this.#waiting -= 1
    }
  }
}
