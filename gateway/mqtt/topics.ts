/** Where a station stands; each name `[a-z0-9-]{1,64}`, so none can break out of its topic level. */
export interface StationName {
  readonly site: string
  readonly line: string
  readonly station: string
}

/** The topics of one station: `poincon/<site>/<line>/<station>/…`. */
export interface StationTopics {
  readonly base: string
  readonly inspection: string
  readonly alert: string
  readonly state: string
  readonly health: string
  readonly checkpoint: string
  readonly update: string
  /** `preview/<tof, spectrum or camera>`. */
  readonly preview: (name: string) => string
  /** What a station subscribes to: one filter per depth a command's name may have. */
  readonly commands: readonly string[]
}

export function stationTopics({ site, line, station }: StationName): StationTopics {
  const base = `poincon/${site}/${line}/${station}`
  return {
    base,
    inspection: `${base}/inspection`,
    alert: `${base}/alert`,
    state: `${base}/state`,
    health: `${base}/health`,
    checkpoint: `${base}/checkpoint`,
    update: `${base}/update`,
    preview: (name) => `${base}/preview/${name}`,
    commands: [`${base}/cmd/+`, `${base}/cmd/+/+`],
  }
}

/** @returns the name in `…/cmd/<name>` (`inspect`, `recipe/select`), or undefined for another topic */
export function commandName({ base }: StationTopics, topic: string): string | undefined {
  const prefix = `${base}/cmd/`
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined
}

/**
 * Where an MQTT 3.1.1 client finds its replies: `…/cmd/<name>/reply/<client>`.
 * @param client its client id; `/`, `+`, `#`, `%` and NUL are percent-encoded, because a topic level cannot hold them
 */
export function replyTopic({ base }: StationTopics, name: string, client: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is one of the five that a topic must not hold.
  return `${base}/cmd/${name}/reply/${client.replace(/[/+#%\u0000]/g, encodeURIComponent)}`
}

/**
 * Whether a reply may go to the response topic that a request names: a requester must not make the station write
 * into the station's own topics, a wildcard or a broker's `$` topics.
 */
export function mayReplyTo({ base }: StationTopics, topic: string): boolean {
  if (topic.length === 0 || topic.length > 512 || topic.startsWith('$') || /[+#]/.test(topic)) return false
  return !topic.startsWith('poincon/') || (topic.startsWith(`${base}/cmd/`) && topic.includes('/reply/'))
}
