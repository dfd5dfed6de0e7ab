import { createHash } from 'node:crypto'
import { test } from 'tap'
import { encodeKey, signRequest } from '../../../gateway/backup/sigv4.ts'

// The worked examples of "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk"
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html), with the key that AWS publishes for them.
const scope = {
  credentials: {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  },
  region: 'us-east-1',
  wallMs: Date.UTC(2013, 4, 24),
}
const HOST = 'https://examplebucket.s3.amazonaws.com'

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

test('GET Object', (t) => {
  const headers = signRequest(
    {
      method: 'GET',
      url: new URL(`${HOST}/test.txt`),
      headers: { Range: 'bytes=0-9' },
      bodySha256: sha256(''),
    },
    scope,
  )
  t.strictSame(headers, {
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,' +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  })
  t.end()
})

test('PUT Object, with a key to encode', (t) => {
  const { authorization } = signRequest(
    {
      method: 'PUT',
      url: new URL(`${HOST}/${encodeKey('test$file.text')}`),
      headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      bodySha256: sha256('Welcome to Amazon S3.'),
    },
    scope,
  )
  t.match(authorization, 'SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class')
  t.match(authorization, 'Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd')
  t.end()
})

test('GET Bucket Lifecycle, and GET Bucket: queries without and with values', (t) => {
  const signature = (query: string): string | undefined =>
    signRequest({ method: 'GET', url: new URL(`${HOST}/?${query}`), bodySha256: sha256('') }, scope)
      .authorization
  t.match(
    signature('lifecycle'),
    'Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  )
  const list = 'Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'
  t.match(signature('max-keys=2&prefix=J'), list)
  t.match(signature('prefix=J&max-keys=2'), list, 'in whichever order')
  t.end()
})

test('keys are encoded once, byte by byte', (t) => {
  t.equal(encodeKey("plant 7/été (1)!*'~._-"), 'plant%207/%C3%A9t%C3%A9%20%281%29%21%2A%27~._-')
  t.end()
})

test('temporary credentials bring their token', (t) => {
  const credentials = { ...scope.credentials, sessionToken: 'token' }
  const headers = signRequest(
    { method: 'GET', url: new URL(`${HOST}/`), bodySha256: sha256('') },
    { ...scope, credentials },
  )
  t.equal(headers['x-amz-security-token'], 'token')
  t.match(headers.authorization, 'x-amz-date;x-amz-security-token,')
  t.end()
})
