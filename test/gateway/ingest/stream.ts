import { type ConnectionOptions, connect } from 'nats'
import { INSPECTION_SUBJECT } from '../../../gateway/ingest/jetstream.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { type Author, topicOf } from './history.ts'

/** Puts inspections into the stream, as a station's deliveries would stand there; makes the stream where there is none. */
export async function fill(
  to: ConnectionOptions,
  author: Author,
  entries: readonly Pick<OutboxEntry, 'payload'>[],
): Promise<void> {
  const connection = await connect(to)
  try {
    const manager = await connection.jetstreamManager()
    await manager.streams.add({ name: 'POINCON', subjects: [INSPECTION_SUBJECT] })
    const stream = connection.jetstream()
    const subject = topicOf(author).replaceAll('/', '.')
    await Promise.all(entries.map(({ payload }) => stream.publish(subject, payload)))
  } finally {
    await connection.close()
  }
}

/** How many inspections no worker has acknowledged yet. */
export async function unacknowledged(to: ConnectionOptions): Promise<number> {
  const connection = await connect(to)
  try {
    const manager = await connection.jetstreamManager()
    const { num_pending, num_ack_pending } = await manager.consumers.info('POINCON', 'ingest')
    return num_pending + num_ack_pending
  } finally {
    await connection.close()
  }
}
