/** One thing that an update changes, as people are shown it. */
export interface ShownChange {
  readonly key: string
  readonly before?: string | undefined
  readonly after?: string | undefined
  readonly kept?: true | undefined
}

const MOST_CHANGES = 100
const MOST_KEY = 200
const MOST_TEXT = 500
/** Where a station sends its data, and what it shows to be let in. */
const REACH = /(^mqtt\.(host|users_file|tls))|url$|_file$/

/**
 * What fits into a report: what can lead a station elsewhere first, cut text with an ellipsis, and in the last place how many
 * more there are.
 */
export function shownChanges(changes: readonly ShownChange[]): ShownChange[] {
  const ordered = [
    ...changes.filter(({ key }) => REACH.test(key)),
    ...changes.filter(({ key }) => !REACH.test(key)),
  ]
  const fits = ordered.length <= MOST_CHANGES
  const shown: ShownChange[] = ordered.slice(0, fits ? MOST_CHANGES : MOST_CHANGES - 1).map((one) => ({
    ...one,
    key: cut(one.key, MOST_KEY),
    ...(one.before === undefined ? {} : { before: cut(one.before, MOST_TEXT) }),
    ...(one.after === undefined ? {} : { after: cut(one.after, MOST_TEXT) }),
  }))
  return fits ? shown : [...shown, { key: `and ${ordered.length - shown.length} more` }]
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
