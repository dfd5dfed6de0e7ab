import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority in a folder: makes `<name>.crt` and `<name>.key` there. */
export class Authority {
  readonly folder: string
  readonly #name: string

  private constructor(folder: string, name: string) {
    this.folder = folder
    this.#name = name
  }

  static async open(folder: string, name = 'ca'): Promise<Authority> {
    const authority = new Authority(folder, name)
    const names = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
    await authority.#openssl('req', '-x509', ...KEY, '-days', '1', '-subj', `/CN=Test ${name}`, ...names)
    return authority
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  /** @param days it holds; -1: it ended yesterday */
  async issue(name: string, commonName: string, days = 1): Promise<void> {
    const signer = ['-CA', `${this.#name}.crt`, '-CAkey', `${this.#name}.key`]
    const names = ['-keyout', `${name}.key`, '-out', `${name}.csr`]
    await this.#openssl(
      'req',
      ...KEY,
      '-subj',
      `/CN=${commonName}`,
      '-addext',
      'subjectAltName=DNS:localhost',
      ...names,
    )
    const request = ['-req', '-copy_extensions', 'copyall', '-in', `${name}.csr`, '-days', String(days)]
    await this.#openssl('x509', ...request, ...signer, '-out', `${name}.crt`)
  }

  async #openssl(...args: string[]): Promise<void> {
    await promisify(execFile)('openssl', args, { cwd: this.folder })
  }
}
