import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Test, test } from 'tap'
import { manifestFile } from '../../../gateway/backup/manifest.ts'
import type { SftpOptions } from '../../../gateway/backup/options.ts'
import { SftpServer, sftpBatch } from '../../../gateway/backup/sftp.ts'
import { playground, refusal } from './stations.ts'

const forever = new AbortController().signal

function optionsFor(dir: string): SftpOptions {
  return { kind: 'sftp', host: 'nas.plant', port: 2222, username: 'poincon', dir, key_file: '/etc/key' }
}

/** A backup to send, and a program in place of `sftp` that does what the script says. */
async function stand(
  t: Test,
  script: string,
): Promise<{ readonly file: string; readonly dir: string; readonly program: [string] }> {
  const { dir } = await playground(t)
  await mkdir(dir, { recursive: true })
  const file = join(dir, 'poincon-test.db')
  await writeFile(file, 'pages')
  await writeFile(manifestFile(file), '{}')
  const program = join(dir, 'fake-sftp')
  await writeFile(program, `#!/bin/sh\n${script}\n`)
  await chmod(program, 0o755)
  return { file, dir, program: [program] }
}

test('a batch for sftp: each file has its name when it is whole, the manifest last', (t) => {
  t.strictSame(sftpBatch(['/var/backups/a.db', '/var/backups/a.db.json'], 'plant 7').split('\n'), [
    '-mkdir "plant 7"',
    'put "/var/backups/a.db" "plant 7/a.db.partial"',
    '-rm "plant 7/a.db"',
    'rename "plant 7/a.db.partial" "plant 7/a.db"',
    'put "/var/backups/a.db.json" "plant 7/a.db.json.partial"',
    '-rm "plant 7/a.db.json"',
    'rename "plant 7/a.db.json.partial" "plant 7/a.db.json"',
    '',
  ])
  t.match(sftpBatch(['/b/a"*[1].db'], '.'), 'put "/b/a\\"\\*\\[1].db"')
  t.throws(() => sftpBatch(['/b/a.db'], 'x\nrm *'), { fault: 'failed', message: /expected one line/ })
  t.end()
})

test('the program is called to ask nobody, and to know the server', async (t) => {
  const { file, dir, program } = await stand(t, 'echo "$@" > "$0.args"; cat > "$0.batch"')
  const known = { ...optionsFor('in'), known_hosts_file: '/etc/known' }
  await new SftpServer(known, program).send(file, forever)
  t.equal(
    (await readFile(join(dir, 'fake-sftp.args'), 'utf8')).trim(),
    '-b - -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=4 ' +
      '-oIdentitiesOnly=yes -i /etc/key -P 2222 -oUserKnownHostsFile=/etc/known -- poincon@nas.plant',
  )
  t.equal(await readFile(join(dir, 'fake-sftp.batch'), 'utf8'), sftpBatch([file, `${file}.json`], 'in'))
})

test('what it says when it fails is told', async (t) => {
  const { file, program } = await stand(t, 'echo "Host key verification failed." >&2; exit 255')
  t.match(await refusal(new SftpServer(optionsFor('.'), program).send(file, forever)), {
    fault: 'failed',
    message: 'sftp ended with 255: Host key verification failed.',
  })
  t.match(await refusal(new SftpServer(optionsFor('.'), ['/no/such/sftp']).send(file, forever)), {
    message: /^sftp poincon@nas\.plant:\.: .*ENOENT/,
  })
})

test('a station that stops does not wait for it', async (t) => {
  const { file, program } = await stand(t, 'exec sleep 600')
  const stopped = new AbortController()
  const sending = refusal(new SftpServer(optionsFor('.'), program).send(file, stopped.signal))
  stopped.abort(new Error('the station stops'))
  t.match(await sending, { message: 'the station stops' })
})

test('the real program, and a real server at its other end', async (t) => {
  const server = ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server'].find(existsSync)
  if (server === undefined || spawnSync('sftp', ['-?']).error !== undefined) {
    t.pass('sftp', { skip: 'NOT PROVEN HERE: no sftp, or no sftp-server (openssh-sftp-server)' })
    return
  }
  const { file, dir } = await stand(t, '')
  // -D: speaks to a server on this machine, without SSH between.
  const there = join(dir, 'there')
  const program = ['sh', '-c', `exec sftp -D ${server} -b -`] as const
  for (const _ of [1, 2]) await new SftpServer(optionsFor(there), program).send(file, forever)
  t.equal(await readFile(join(there, basename(file)), 'utf8'), 'pages')
  t.equal(await readFile(join(there, `${basename(file)}.json`), 'utf8'), '{}')
})
