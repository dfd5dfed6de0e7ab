import type { Format } from './format.ts'
import { ConditionIcon } from './icons.tsx'
import type { OldHead, OldHeads } from './wire-storage.ts'

interface OldHeadsProps {
  readonly heads: OldHeads
  /** Wall-clock ms of the gateway. */
  readonly wallMs: number
  readonly format: Format
}

/** The heads of the old system: who is there, when each spoke last, and what was not taken of it. */
export function OldHeadsPanel({ heads, wallMs, format }: OldHeadsProps) {
  const { texts, whole } = format
  const say = texts.storage
  const { listening, devices, turned_away: turnedAway } = heads
  const headings = [say.device, say.lastSample, say.stored, say.repeated, say.refused, say.lastRefusal]
  return (
    <section class="panel" id="old-heads" aria-labelledby="old-heads-title">
      <header>
        <h2 id="old-heads-title">{say.oldHeads}</h2>
        {turnedAway > 0 && <p class="note">{say.turnedAway(whole(turnedAway))}</p>}
        {!listening && devices.length > 0 && <p class="note">{say.notListening}</p>}
      </header>
      {devices.length === 0 ? (
        <p class="empty">{listening ? say.noDevices : say.notListening}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard (WCAG 2.1.1)
        <section class="scroll" tabIndex={0} aria-labelledby="old-heads-title">
          <table>
            <thead>
              <tr>
                {headings.map((heading) => (
                  <th key={heading} scope="col">
                    {heading}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {devices.map((device) => (
                <DeviceRow key={device.device_id} {...{ device, wallMs, format }} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  )
}

function DeviceRow({ device, wallMs, format }: Omit<OldHeadsProps, 'heads'> & { readonly device: OldHead }) {
  const { texts, whole, moment, duration } = format
  const say = texts.storage
  const { connected, last_sample_at: at, last_refusal: refusal } = device
  const ago = at === undefined ? '–' : say.ago(duration(wallMs - Date.parse(at)))
  return (
    <tr>
      <th scope="row">
        <ConditionIcon condition={connected ? 'ok' : 'degraded'} /> {device.device_id}
        <span class="note">
          {connected ? say.connected : say.away}
          {device.address === undefined ? '' : ` · ${device.address}`}
        </span>
      </th>
      <td class="figure" title={at}>
        {ago}
      </td>
      <td class="figure">{whole(device.stored)}</td>
      <td class="figure">{whole(device.repeated)}</td>
      <td class={device.refused > 0 ? 'figure rejects' : 'figure'}>{whole(device.refused)}</td>
      <td class="why-cell" lang="en">
        {refusal === undefined ? '' : `${moment(refusal.at, wallMs)} ${refusal.error}`}
      </td>
    </tr>
  )
}
