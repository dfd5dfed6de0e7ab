import { z } from 'zod'

/** `esp32` of `poincon.yaml`: heads of the old system, over `/ws/sensors/`. */
export const esp32Options = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Listens at `/ws/sensors/`, where HTTP listens. The old protocol knows no password.'),
    max_message_bytes: z
      .int()
      .min(4096)
      .max(4 << 20)
      .default(256 << 10)
      .describe('The longest message; a longer one is refused.'),
    max_connections: z.int().min(1).max(1000).default(32).describe('Connections at once.'),
    max_connections_per_address: z
      .int()
      .min(1)
      .max(1000)
      .default(8)
      .describe('Connections at once from one IP address.'),
    messages_per_second: z
      .number()
      .min(0.1)
      .max(1000)
      .default(20)
      .describe('Messages a device may send, in the long run; the old firmware flushes 10 a second.'),
    burst: z
      .int()
      .min(1)
      .max(10_000)
      .default(60)
      .describe('Messages that a device may send at once after a pause.'),
    queue: z
      .int()
      .min(1)
      .max(1000)
      .default(100)
      .describe('Messages of a device that may wait for the disk; one more is refused.'),
    integration_ms: z
      .number()
      .positive()
      .max(46_640)
      .optional()
      .describe('Integration time of the old spectral heads, ms, of messages that do not say.'),
    gain: z
      .number()
      .min(0.5)
      .max(512)
      .optional()
      .describe('Gain of the old spectral heads, of messages that do not say.'),
  })
  .describe('ESP32 heads of the old system.')
export type Esp32Options = Readonly<z.infer<typeof esp32Options>>
