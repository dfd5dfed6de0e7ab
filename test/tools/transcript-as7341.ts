// Says to the simulated AS7341 what recorded drivers said to a device, and prints a JSON line a scenario: whether each
// answer, the registers, the SMUX chain and the converters at its end are the recorded ones.
//   npm run build && node dist/test/tools/transcript-as7341.js FOLDER
import { readdirSync } from 'node:fs'
import { differences, transcriptAt } from '../drivers/as7341/transcript.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: transcript-as7341.js FOLDER')
  process.exitCode = 2
} else {
  const names = readdirSync(folder).flatMap((file) => /^(.+)\.state\.json$/.exec(file)?.[1] ?? [])
  const results = names.map((name) => {
    const transcript = transcriptAt(folder, name)
    const different = transcript.state.present ? differences(transcript) : []
    return { name, equal: different.length === 0, different }
  })
  for (const result of results) console.log(JSON.stringify(result))
  const equal = results.filter((result) => result.equal).length
  console.log(JSON.stringify({ folder, scenarios: names.length, equal, different: names.length - equal }))
  process.exitCode = equal === names.length ? 0 : 1
}
