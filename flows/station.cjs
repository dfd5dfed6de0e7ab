// What the flows compute, as pure functions: function nodes reach them with `global.get('station')`.

const GRADES = ['A+', 'A', 'B', 'C', 'REJECT', 'ungraded']
const ACTIONS = ['accept', 'reject', 'hold']

/**
 * Takes one inspection into the counts.
 * @param {object | undefined} before the counts so far, as this function returned them
 * @param {object} inspection a `poincon.inspection/1`
 *   A part that an update turned away says nothing of its quality: it counts in `total` and `actions` alone.
 * @param {number} alertAfter rejects in a row that raise an alert; 1 or more
 * @returns {{ counts: object, alert?: object, repeat?: true }} an alert once in each row of rejects; a repeat (delivery
 *   is at least once) leaves the counts as they are
 */
function count(before, inspection, alertAfter) {
  const { epoch, sequence, verdict, timestamp, lot_id } = inspection
  const counts = before ?? emptyCounts(inspection)
  const sameEpoch = counts.epoch === epoch
  if (sameEpoch && sequence <= counts.last_sequence) return { counts, repeat: true }

  const grade = verdict.grade ?? 'ungraded'
  const untold = verdict.reasons?.includes('updating') === true
  const rejected = verdict.action === 'reject'
  const lot = counts.lot.id === lot_id ? counts.lot : { id: lot_id, grades: zeros(GRADES) }
  const rejects = untold ? counts.rejects_in_a_row : rejected ? counts.rejects_in_a_row + 1 : 0
  const graded = untold ? 0 : 1
  const next = {
    ...counts,
    epoch,
    last_sequence: sequence,
    timestamp,
    total: counts.total + 1,
    // A gap: inspections that never came to these flows; the station's log has them.
    missed: counts.missed + (sameEpoch ? sequence - counts.last_sequence - 1 : 0),
    grades: { ...counts.grades, [grade]: (counts.grades[grade] ?? 0) + graded },
    actions: { ...counts.actions, [verdict.action]: (counts.actions[verdict.action] ?? 0) + 1 },
    lot: { ...lot, grades: { ...lot.grades, [grade]: (lot.grades[grade] ?? 0) + graded } },
    rejects_in_a_row: rejects,
    rejects_since: rejects === 0 ? undefined : rejects === 1 && !untold ? timestamp : counts.rejects_since,
  }
  return rejects === alertAfter && !untold
    ? { counts: next, alert: rejectsAlert(inspection, next, alertAfter) }
    : { counts: next }
}

function emptyCounts({ device_id, site, line, station, epoch, sequence, timestamp, lot_id }) {
  return {
    schema: 'poincon.flows.counts/1',
    device_id,
    site,
    line,
    station,
    since: timestamp,
    epoch,
    last_sequence: sequence - 1,
    total: 0,
    missed: 0,
    grades: zeros(GRADES),
    actions: zeros(ACTIONS),
    lot: { id: lot_id, grades: zeros(GRADES) },
    rejects_in_a_row: 0,
  }
}

/** `poincon.alert/1`; `acknowledged_by` is absent until somebody does. */
function rejectsAlert({ id, epoch, sequence, timestamp, device_id, site, line, station }, counts, limit) {
  return {
    schema: 'poincon.alert/1',
    rule: 'rejects-in-a-row',
    severity: 'warning',
    value: counts.rejects_in_a_row,
    limit,
    since: counts.rejects_since,
    timestamp,
    device_id,
    site,
    line,
    station,
    inspection: { id, epoch, sequence },
  }
}

/** One line for the log and the status page. */
function alertLine({ severity, rule, value, limit, since, station }) {
  return `${severity} ${station}: ${rule} ${value} (limit ${limit}) since ${since}`
}

function zeros(names) {
  return Object.fromEntries(names.map((name) => [name, 0]))
}

module.exports = { alertLine, count }
