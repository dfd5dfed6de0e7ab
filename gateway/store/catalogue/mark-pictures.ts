import type { Database } from '../database.ts'

/** A picture of a mark as a supplier shows it, and how many live lenses have it. */
export interface MarkPicture {
  /** Lower-case hex, of the file. */
  readonly sha256: string
  readonly mediaType: string
  readonly picture: Uint8Array
  readonly urls: readonly string[]
  readonly lenses: number
}

/** Every picture once, however many addresses it has; those of most lenses first. @throws StoreError */
export async function markPictures(database: Database): Promise<readonly MarkPicture[]> {
  const rows = await database.all<{
    sha256: string
    type: string
    picture: Uint8Array
    urls: string
    lenses: number
  }>(
    `SELECT mark_pictures.sha256, media_type AS type, picture, json_group_array(DISTINCT url ORDER BY url) AS urls,
       count(DISTINCT lens) AS lenses
     FROM mark_pictures JOIN crawled ON crawled.sha256 = mark_pictures.sha256 AND crawled.kind = 'picture'
       LEFT JOIN lens_marks ON lens_marks.kind = 'image' AND value = url
     GROUP BY mark_pictures.sha256 ORDER BY lenses DESC, mark_pictures.sha256`,
  )
  return rows.map(({ sha256, type, picture, urls, lenses }) => ({
    ...{ sha256, picture, lenses },
    mediaType: type,
    urls: JSON.parse(urls),
  }))
}
