import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { messagesIn, parquetFile } from './parquet.ts'

/** Makes one file of another, and says how many rows it has; what goes wrong ends the thread. */
const { from, to } = z.strictObject({ from: z.string(), to: z.string() }).parse(workerData)
parentPort?.postMessage(await parquetFile({ path: to, written: `${to}.tmp`, messages: messagesIn(from) }))
