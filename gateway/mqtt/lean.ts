/**
 * A stored inspection without its matrices, for thin lines. The hash in `provenance` is that of the full message:
 * a lean one cannot be checked against it.
 * @param payload canonical JSON of a `poincon.inspection/1`
 */
export function leanInspection(payload: string): string {
  return JSON.stringify(JSON.parse(payload), (key, value: unknown) =>
    key.endsWith('_matrix') ? undefined : value,
  )
}
