import type { Aedes } from 'aedes'

/** Publishes from within the process. Resolves when every subscriber's socket has taken it, or that one is gone. */
export function publishInside(
  aedes: Aedes,
  message: { readonly topic: string; readonly payload: string | Buffer; readonly qos: 0 | 1 },
): Promise<void> {
  return new Promise((resolve, reject) => {
    aedes.publish({ cmd: 'publish', retain: false, dup: false, ...message }, (error) => {
      if (error instanceof Error) reject(error)
      else resolve()
    })
  })
}
