import { RepoError } from '../../provisioning/server/repo-error.ts'
import { parseRepoArgs, type RepoTerminal } from './repo-call.ts'
import { repoVerbs } from './repo-verbs.ts'

const REPO_USAGE = `poincon repo <verb> [--dir DIR] [--json]

  key new FILE [--type ed25519|ecdsa]
                          makes a key: FILE, encrypted with a passphrase, and FILE.pub to give away
  key show FILE           the id of a key or of its .pub file
  init --root PUB… [--root-threshold N] --targets PUB… [--targets-threshold N] --online PUB
       [--channel NAME[=N:PUB,PUB…]…] [--expires ROLE=DAYS…]
                          makes a repository in DIR; channels without keys of their own take those of the targets
  add FILE --channel NAME [--kind KIND --name NAME --version V --platform P --store-schema N
       --min-version V --notes TEXT]
                          copies a release, recipe, model… into a channel; a release says itself what it is
  promote WHAT --from CHANNEL --to CHANNEL
                          lists what is published in one channel in another, without a second upload
  revoke target WHAT --channel NAME · revoke key ID [--replace-by PUB]
                          withdraws a target, or a key from every role it signs for
  role NAME [--add PUB…] [--remove ID…] [--threshold N]
                          changes who signs for a role; makes a channel that is new
  renew ROLE…             stages roles again as they are, with a new date of expiry
  sign [FILE…] --key KEY… signs what is staged in DIR, or metadata files on a stick
  publish [--from STICK]  takes signatures over from a stick, and shows devices all that is signed
  rollout WHAT --channel NAME [--percent N] [--site NAME… | --all-sites] [--failure-limit 0..1]
       [--halt | --resume]
                          who is offered it; without an option: how it goes
  refresh                 renews timestamp and snapshot; for a timer, daily
  watch --broker URL [--minimum N] [--username NAME --password-file FILE] [--ca FILE --cert FILE --cert-key FILE]
                          listens to the devices, and halts a stage that loses more than it may
  statement WHAT --channel NAME [--out DIR]
                          what vouches for a target on a hawkBit server: goes there beside the file
  status                  what is published, staged, and runs out

WHAT is a target's path or kind/name/version. DIR is the publisher's folder (default: this one); a web server or S3
gets DIR/public and nothing else. publish, rollout, refresh, watch and revoke take --online-key KEY. Passphrases are
asked for, or read from --passphrase-file FILE (once per key, in their order).

Exit codes: 0 done · 1 refused, nothing was changed · 2 wrong usage · 3 status: something is past its date, or soon
            4 done, but it waits for more signatures
`

/** `poincon repo …`; a refusal changes nothing, and says what was expected. */
export async function repoCommand(
  args: readonly string[],
  terminal: RepoTerminal = onProcess(),
): Promise<number> {
  const { values, positionals } = parseRepoArgs(args)
  const [verb = '', ...rest] = positionals
  if (values.help || verb === 'help') {
    terminal.say(REPO_USAGE)
    return 0
  }
  const run = Object.hasOwn(repoVerbs, verb) ? repoVerbs[verb] : undefined
  if (run === undefined) {
    terminal.warn(verb === '' ? REPO_USAGE : `poincon: repo ${verb}: no such verb\n\n${REPO_USAGE}`)
    return 2
  }
  try {
    return await run({ values, args: rest, terminal })
  } catch (error) {
    if (!(error instanceof RepoError)) throw error
    terminal.warn(`poincon: ${error.message}\n`)
    return 1
  }
}

function onProcess(): RepoTerminal {
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort())
  return {
    say: (text) => process.stdout.write(text),
    warn: (text) => process.stderr.write(text),
    ask: async (prompt, twice) => (await import('./repo-ask.ts')).askPassphrase(prompt, twice),
    wallMs: () => Date.now(),
    signal: ended.signal,
  }
}
