import { createHash, createHmac } from 'node:crypto'

/** An access key. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
}

/** One request as it will be sent. */
export interface SignedRequest {
  readonly method: string
  /** Its path is encoded already, by `encodeKey`. */
  readonly url: URL
  /** Headers beside `host` and those that signing adds; all are signed. */
  readonly headers?: Readonly<Record<string, string>>
  /** SHA-256 of the body, lower-case hex. */
  readonly bodySha256: string
}

export interface SigningScope {
  readonly credentials: Credentials
  readonly region: string
  /** ms since 1970 (UTC); the server refuses what is 15 minutes off. */
  readonly wallMs: number
}

/**
 * Signs a request for S3 by AWS Signature Version 4, in the `Authorization` header
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 * @returns the headers to send; `host` is the URL's and not among them
 */
export function signRequest(request: SignedRequest, scope: SigningScope): Record<string, string> {
  const { credentials, region, wallMs } = scope
  const stamp = new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const sent: Record<string, string> = {
    ...lowerCased(request.headers ?? {}),
    'x-amz-content-sha256': request.bodySha256,
    'x-amz-date': stamp,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  }
  const signed = { ...sent, host: request.url.host }
  const names = Object.keys(signed).sort().join(';')
  const day = stamp.slice(0, 8)
  const within = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', stamp, within, sha256Hex(canonicalRequest(request, signed))].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (from, word) => hmac(from, word),
    `AWS4${credentials.secretAccessKey}`,
  )
  const signature = hmac(key, toSign).toString('hex')
  const credential = `${credentials.accessKeyId}/${within}`
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names},Signature=${signature}`,
  }
}

/** A key as it stands in a path: everything but unreserved characters and `/` percent-encoded, once. */
export function encodeKey(key: string): string {
  return key.split('/').map(encode).join('/')
}

/** A query in the one form that is signed: RFC 3986, in order. */
export function encodeQuery(query: Iterable<readonly [string, string]>): string {
  return [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
}

/** Task 1 of the specification: what of the request is signed. */
function canonicalRequest(request: SignedRequest, headers: Readonly<Record<string, string>>): string {
  const names = Object.keys(headers).sort()
  const lines = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
  return [
    request.method,
    request.url.pathname,
    encodeQuery(request.url.searchParams),
    lines.join(''),
    names.join(';'),
    request.bodySha256,
  ].join('\n')
}

/** RFC 3986: `encodeURIComponent` leaves five characters alone that are reserved. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
