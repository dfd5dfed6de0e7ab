import type { UpdateKind } from './status.ts'
import type { Named, Subject } from './subject.ts'
import { contentSubject } from './subject-content.ts'
import { flowSubject } from './subject-flow.ts'
import { imageSubject } from './subject-image.ts'
import { recipeSubject } from './subject-recipe.ts'
import { releaseSubject } from './subject-release.ts'

const SUBJECTS: Readonly<Record<UpdateKind, Subject>> = {
  release: releaseSubject,
  configuration: contentSubject('configuration'),
  model: contentSubject('model'),
  firmware: contentSubject('firmware'),
  flow: flowSubject,
  recipe: recipeSubject,
  'os-image': imageSubject,
}

/** How an update of a kind is switched. */
export function subjectOf({ kind }: Pick<Named, 'kind'>): Subject {
  return SUBJECTS[kind]
}
