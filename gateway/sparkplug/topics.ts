/** What makes an edge node and its one device unique on a broker. */
export interface SparkplugIds {
  readonly group: string
  readonly edgeNode: string
  readonly device: string
}

/** A level of a topic: UTF-8 without the reserved `+`, `/` and `#` (tck-id-topic-structure-namespace-valid-…). */
export const SPARKPLUG_ID = /^[^+/#\p{Cc}\p{Cs}]{1,64}$/u

const NAMESPACE = 'spBv1.0'

export interface EdgeNodeTopics {
  readonly nodeBirth: string
  readonly nodeData: string
  readonly nodeDeath: string
  readonly nodeCommand: string
  readonly deviceBirth: string
  readonly deviceData: string
  readonly deviceCommand: string
}

/** @throws RangeError naming the id that no topic can hold */
export function edgeNodeTopics({ group, edgeNode, device }: SparkplugIds): EdgeNodeTopics {
  for (const [what, id] of Object.entries({ group, edgeNode, device })) checkId(what, id)
  // Hosts announce themselves on spBv1.0/STATE/…: a group of that name would speak in their place.
  if (group === 'STATE') throw new RangeError('group is "STATE", expected another name: hosts use this one')
  const node = (type: string): string => `${NAMESPACE}/${group}/${type}/${edgeNode}`
  return {
    nodeBirth: node('NBIRTH'),
    nodeData: node('NDATA'),
    nodeDeath: node('NDEATH'),
    nodeCommand: node('NCMD'),
    deviceBirth: `${node('DBIRTH')}/${device}`,
    deviceData: `${node('DDATA')}/${device}`,
    deviceCommand: `${node('DCMD')}/${device}`,
  }
}

/** Where a host says whether it is online. @throws RangeError for an id that no topic can hold */
export function hostStateTopic(host: string): string {
  checkId('primary host', host)
  return `${NAMESPACE}/STATE/${host}`
}

function checkId(what: string, id: string): void {
  if (!SPARKPLUG_ID.test(id))
    throw new RangeError(`${what} is ${JSON.stringify(id)}, expected 1 to 64 characters without +, / and #`)
}
