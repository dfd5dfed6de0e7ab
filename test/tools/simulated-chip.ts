// Serves the simulated chip over TCP, for drivers in other languages (the lines are described in chip-server.ts):
//   npm run build && node dist/test/tools/simulated-chip.js --chip vl53l8ch --listen 127.0.0.1:9053
import { parseArgs } from 'node:util'
import { serveChip } from './chip-server.ts'

const { values } = parseArgs({
  options: { chip: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1:0' } },
})
const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(values.listen) ?? []
if (values.chip !== 'vl53l8ch' || host === '' || Number(port) > 0xffff) {
  console.error('usage: simulated-chip.js --chip vl53l8ch --listen HOST:PORT')
  process.exitCode = 2
} else {
  const server = serveChip()
  server.on('error', (error) => {
    console.error(error.message)
    process.exitCode = 1
  })
  server.listen(Number(port), host, () => console.log(`listening on ${JSON.stringify(server.address())}`))
}
