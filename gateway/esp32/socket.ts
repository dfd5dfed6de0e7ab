/** What a session needs of its WebSocket. */
export interface DeviceSocket {
  /** Bytes that were given to it and have not left. */
  readonly bufferedAmount: number
  send(text: string): void
  /** Asks the far end for a sign of life. */
  ping(): void
  close(code: number, reason: string): void
  /** Cuts it without a word. */
  terminate(): void
}

/** Where a device connects from. */
export interface Origin {
  readonly address: string
  readonly port: number
}

/** RFC 6455 §7.4.1. */
export const GOING_AWAY = 1001
export const POLICY = 1008
export const TRY_AGAIN_LATER = 1013

export function originText({ address, port }: Origin): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
