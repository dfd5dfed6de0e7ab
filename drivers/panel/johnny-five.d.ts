/** The part of johnny-five 2.1 that the panel and its tests use; the package has no types of its own. */
declare module 'johnny-five' {
  /** Anything that levels can be written to and read from: a board's plugin, or an expander behind it. */
  export interface Io {
    pinMode(pin: number, mode: number): void
    digitalWrite(pin: number, value: number): void
    digitalRead(pin: number, told: (value: number) => void): void
  }

  export interface Expander extends Io {
    readonly name: string
    readonly MODES: { readonly INPUT: number; readonly OUTPUT: number }
    /** MCP23017 only: the others throw. */
    pullUp(pin: number, value: number): void
  }

  export interface Board extends Io {
    readonly isReady: boolean
    once(event: 'ready', listener: () => void): this
  }

  export interface BoardOptions {
    readonly io: object
    readonly repl: false
    readonly debug: false
    readonly sigint: false
  }

  export interface ComponentOptions {
    readonly board: Board
    readonly pin: number
  }

  export interface Led {
    on(): this
    off(): this
  }

  export interface Relay {
    close(): this
    open(): this
  }

  export interface Button {
    readonly isDown: boolean
    once(event: 'down' | 'up', listener: () => void): this
  }

  export interface JohnnyFive {
    readonly Board: {
      new (options: BoardOptions): Board
      /** A board whose pins are those of the expander; without prompt, output and signal handler. */
      readonly Virtual: new (
        expander: Expander,
      ) => Board
      /** Every board of this process, the closed ones too: whoever closes one takes it out. */
      readonly cache: Board[]
    }
    readonly Led: new (options: ComponentOptions) => Led
    readonly Relay: new (options: ComponentOptions & { readonly type: 'NO' | 'NC' }) => Relay
    readonly Button: new (options: ComponentOptions & { readonly pullup?: boolean }) => Button
    readonly Expander: new (options: {
      readonly board: Board
      readonly controller: 'PCF8574' | 'MCP23017'
      readonly address: unknown
    }) => Expander
  }

  const johnnyFive: JohnnyFive
  // biome-ignore lint/style/noDefaultExport: what Node gives of a CommonJS package is its default export
  export default johnnyFive
}
