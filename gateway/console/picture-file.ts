/** As much as the gateway takes. */
const MOST_BYTES = 5 * 1024 * 1024
/** Longer sides say nothing more of a symbol, and cost the gateway memory. */
const LONGEST_SIDE = 1600

/** A file as it is shown and as it is sent. */
export interface OpenedPicture {
  /** Undefined for what this browser cannot show: the gateway says what is wrong with it. */
  readonly bitmap: ImageBitmap | undefined
  readonly blob: Blob
}

/** @returns undefined for a file that is too large to be sent, and cannot be made smaller here */
export async function openPicture(file: Blob): Promise<OpenedPicture | undefined> {
  const bitmap = await createImageBitmap(file).catch(() => undefined)
  if (bitmap === undefined) return file.size > MOST_BYTES ? undefined : { bitmap, blob: file }
  const longest = Math.max(bitmap.width, bitmap.height)
  const asItIs =
    ['image/png', 'image/jpeg'].includes(file.type) && file.size <= MOST_BYTES && longest <= LONGEST_SIDE
  return { bitmap, blob: asItIs ? file : await redrawn(bitmap, Math.min(1, LONGEST_SIDE / longest)) }
}

async function redrawn(bitmap: ImageBitmap, scale: number): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  return await blobOf(canvas)
}

/** What stands on a canvas, as a PNG. */
export function blobOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error('the browser gave no picture of the canvas'))
      else resolve(blob)
    }, 'image/png')
  })
}
