import { useEffect, useState } from 'preact/hooks'
import type { Format } from './format.ts'
import { ActionIcon } from './icons.tsx'
import { type Comparison, comparisons, engravingName, evidenceAddress, lensName } from './lens.ts'
import type { Inspection } from './wire.ts'
import type { CameraBlock, FoundEngraving } from './wire-camera.ts'

interface WordsProps {
  readonly block: CameraBlock
  readonly verdict: Inspection['verdict']
  readonly format: Format
}

interface LensProps extends WordsProps {
  readonly evidenceUrl: string
}

const SHOWN_CANDIDATES = 3

/** The lens under the camera: what was seen on it, and which one it is taken for. */
export function LensPanel({ old, ...props }: LensProps & { readonly old: boolean }) {
  return (
    <section class={old ? 'panel lens old' : 'panel lens'} id="lens" aria-labelledby="lens-title">
      <header>
        <h2 id="lens-title">{props.format.texts.engraving.lens}</h2>
      </header>
      <LensBlock {...props} />
    </section>
  )
}

/** Picture with boxes, what stands in them, and what was expected beside what was found. */
export function LensBlock({ block, verdict, evidenceUrl, format }: LensProps) {
  return (
    <div class="lens-place">
      <div class="lens-block">
        <Evidence url={evidenceAddress(evidenceUrl, block)} block={block} format={format} />
        <div class="lens-words">
          <Engravings block={block} format={format} />
          {block.detail !== undefined && (
            <p class="note" lang="en">
              {block.detail}
            </p>
          )}
          <Compared block={block} verdict={verdict} format={format} />
        </div>
      </div>
    </div>
  )
}

interface EvidenceProps {
  readonly url: string
  readonly block: CameraBlock
  readonly format: Format
}

function Evidence({ url, block, format }: EvidenceProps) {
  const say = format.texts.engraving
  const size = usePictureSize(url)
  if (size === 'missing') return <p class="empty evidence">{say.noEvidence}</p>
  if (size === undefined) return <p class="empty evidence">{say.asking}</p>
  const { width, height } = size
  const [label, words] = [say.evidence, block.engravings.map((one) => engravingName(one, format)).join(', ')]
  return (
    <svg class="evidence" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${label}: ${words}`}>
      <image href={url} width={width} height={height} />
      {block.engravings.map((engraving, index) => (
        <Box key={index} engraving={engraving} number={index + 1} scale={width / 100} />
      ))}
    </svg>
  )
}

interface BoxProps {
  readonly engraving: FoundEngraving
  readonly number: number
  /** A hundredth of the picture's width, px. */
  readonly scale: number
}

/** Lines keep their width on the screen; the number's size is of the picture. */
function Box({ engraving, number, scale }: BoxProps) {
  const { box, rotation_deg: turned, text } = engraving
  const [x, y, width, height] = box
  const [middleX, middleY] = [x + width / 2, y + height / 2]
  const reach = Math.hypot(width, height) / 2
  return (
    <g class={text === undefined ? 'box box-symbol' : 'box box-text'}>
      <rect x={x} y={y} width={width} height={height} transform={`rotate(${turned} ${middleX} ${middleY})`} />
      <text x={middleX} y={middleY - reach - scale} font-size={4 * scale} text-anchor="middle">
        {number}
      </text>
    </g>
  )
}

/** Width and height of a picture once it is there; `missing` where it does not come. */
function usePictureSize(
  url: string,
): { readonly width: number; readonly height: number } | 'missing' | undefined {
  const [known, setKnown] = useState<{
    readonly url: string
    readonly size: { readonly width: number; readonly height: number } | 'missing'
  }>()
  useEffect(() => {
    const image = new Image()
    image.onload = () => setKnown({ url, size: { width: image.naturalWidth, height: image.naturalHeight } })
    image.onerror = () => setKnown({ url, size: 'missing' })
    image.src = url
    return () => {
      image.onload = null
      image.onerror = null
    }
  }, [url])
  return known?.url === url ? known?.size : undefined
}

/** What was expected beside what was found, then the lenses that it may be. */
function Compared({ block, verdict, format }: WordsProps) {
  const say = format.texts.engraving
  const rows = comparisons(block, verdict, format)
  const candidates = (block.lens_candidates ?? []).slice(0, SHOWN_CANDIDATES)
  return (
    <>
      {rows.length > 0 && (
        <table class="compared">
          <thead>
            <tr>
              <th scope="col">{say.expected}</th>
              <th scope="col">{say.found}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <ComparedRow key={row.what} row={row} format={format} />
            ))}
          </tbody>
        </table>
      )}
      {candidates.length > 0 && (
        <div class="may-be">
          <h3>{say.mayBe}</h3>
          <ol>
            {candidates.map((lens) => (
              <li key={lens.lens_id}>
                {lensName(lens, format)} <span class="note figure">{format.percent(lens.score)}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </>
  )
}

function ComparedRow({ row, format }: { readonly row: Comparison; readonly format: Format }) {
  const say = format.texts.engraving
  const { expected, found, same } = row
  return (
    <tr>
      <td>{expected}</td>
      <td class={same === false ? 'differs' : ''}>
        {same !== undefined && <ActionIcon action={same ? 'accept' : 'reject'} size="small" />}
        {found}
        {same !== undefined && (
          <span class="visually-hidden">, {same ? say.asExpected : say.notAsExpected}</span>
        )}
      </td>
    </tr>
  )
}

function Engravings({ block, format }: Omit<WordsProps, 'verdict'>) {
  if (block.engravings.length === 0) return null
  return (
    <div>
      <h3>{format.texts.engraving.engravings}</h3>
      <ol class="found">
        {block.engravings.map((engraving, index) => (
          <li key={index} class={engraving.text === undefined ? 'box-symbol' : 'box-text'}>
            <span class="found-name">{engravingName(engraving, format)}</span>
            {engraving.confidence > 0 && (
              <span class="note figure">{format.percent(engraving.confidence)}</span>
            )}
          </li>
        ))}
      </ol>
    </div>
  )
}
