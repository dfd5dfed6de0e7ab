/** Where a command says what it found, and what is wrong. */
export interface Streams {
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
}
