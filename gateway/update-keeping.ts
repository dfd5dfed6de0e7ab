import type { Engravings } from './api/engraving-port.ts'
import type { Lenses } from './api/lenses.ts'
import { ApiProblem } from './api/problem.ts'
import type { CommandWatch } from './update-commands.ts'
import { LineTaken } from './update-lock.ts'

type Keep = CommandWatch['keep']

/** The same engravings; nothing of the gallery is changed while an update has the line, and an update waits for a change. */
export function keptEngravings(engravings: Engravings, commands: { readonly keep: Keep }): Engravings {
  const kept = keeping(commands)
  return {
    match: (picture, top) => engravings.match(picture, top),
    symbols: () => engravings.symbols(),
    picture: (symbol) => engravings.picture(symbol),
    enrol: (enrolment) => kept('engraving/enrol', () => engravings.enrol(enrolment)),
    forget: (symbol) => kept('engraving/forget', () => engravings.forget(symbol)),
  }
}

/** The same catalogue of lenses, likewise. */
export function keptLenses(lenses: Lenses, commands: { readonly keep: Keep }): Lenses {
  const kept = keeping(commands)
  return {
    find: (query) => lenses.find(query),
    get: (id) => lenses.get(id),
    link: (which, linking) => kept('catalogue/link', () => lenses.link(which, linking)),
    unlink: (which) => kept('catalogue/unlink', () => lenses.unlink(which)),
  }
}

/** Asked over HTTP: @throws ApiProblem 503 while an update has the line */
function keeping(commands: { readonly keep: Keep }): Keep {
  return async (name, change) => {
    try {
      return await commands.keep(name, change)
    } catch (error) {
      if (!(error instanceof LineTaken)) throw error
      throw new ApiProblem(503, error.message, [], { fault: 'unavailable' })
    }
  }
}
