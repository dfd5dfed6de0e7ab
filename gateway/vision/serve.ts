import type { FrameReader } from './frame-reader.ts'
import { ModelError, reason } from './model.ts'
import { type Grey, PictureError, readPicture } from './picture.ts'
import {
  type Answer,
  type OpenNetwork,
  type Question,
  type Said,
  type Told,
  unpacked,
} from './thread-messages.ts'

/** The thread's end of the wire to the main thread. */
export interface ThreadPort {
  postMessage(said: Said): void
  on(event: 'message', listener: (told: Told) => void): unknown
  close(): void
}

/** What a thread has opened. */
export interface Opened {
  readonly reader: Pick<FrameReader, 'read' | 'match' | 'prototypes' | 'use'>
  readonly networks: () => readonly OpenNetwork[]
  readonly close: () => Promise<void>
}

/** Answers until it is told to close. What throws beside an answer ends the thread, and the main thread starts another. */
export async function serve(port: ThreadPort, open: () => Promise<Opened>): Promise<void> {
  // Told before the models are open: kept in order.
  const opening = open()
  let turn: Promise<void> = opening.then(
    () => {},
    () => {},
  )
  let said = ''
  const tellNetworks = ({ networks }: Opened): void => {
    const now = JSON.stringify(networks())
    if (now !== said) port.postMessage({ kind: 'ready', networks: networks() })
    said = now
  }
  const answer = async (opened: Opened, id: number, question: Question): Promise<void> => {
    const picture = await pictureOf(question)
    // One at a time: a picture of the line waits for one query at most.
    turn = turn.then(async () => {
      const answered =
        picture instanceof PictureError ? failed(picture) : await answerOf(question, picture, opened)
      port.postMessage({ kind: 'answer', id, answer: answered })
      tellNetworks(opened)
    })
    await turn
  }
  /** What was asked and has no answer yet, pictures that are still being decoded among it. */
  const asked = new Set<Promise<void>>()
  const take = async (told: Told): Promise<void> => {
    const opened = await opening
    if (told.kind === 'gallery') opened.reader.use(unpacked(told.packed), told.head)
    else if (told.kind === 'ask') {
      const answered = answer(opened, told.id, told.question)
      asked.add(answered)
      await answered.finally(() => asked.delete(answered))
    } else {
      // A session that closes under a question takes the process with it.
      await Promise.allSettled(asked)
      await opened.close()
      port.close()
    }
  }
  port.on('message', (told) => {
    // An error here is nobody's answer: it ends the thread.
    take(told).catch((error: unknown) => {
      setImmediate(() => {
        throw error
      })
    })
  })
  try {
    tellNetworks(await opening)
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    port.postMessage({ kind: 'unfit', fault: error.fault, message: error.message })
    port.close()
  }
}

/** Queries are decoded here, off the turn; pictures of the line come decoded. */
async function pictureOf(question: Question): Promise<Grey | PictureError> {
  if (question.kind === 'read') return question.picture
  try {
    return await readPicture(question.bytes)
  } catch (error) {
    if (error instanceof PictureError) return error
    throw error
  }
}

async function answerOf(question: Question, picture: Grey, { reader }: Opened): Promise<Answer> {
  try {
    switch (question.kind) {
      case 'read':
        return { kind: 'read', reading: await reader.read(picture) }
      case 'match':
        return { kind: 'match', recognition: await reader.match(picture, question.top) }
      case 'prototypes':
        return { kind: 'prototypes', prototypes: await reader.prototypes(picture, question.symbol) }
    }
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): Answer {
  const message = reason(error)
  return error instanceof PictureError
    ? { kind: 'failed', message, picture: error.fault }
    : { kind: 'failed', message }
}
