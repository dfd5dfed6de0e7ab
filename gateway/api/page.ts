import { existsSync } from 'node:fs'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { ApiProblem } from './problem.ts'

/** The page loads nothing that does not come from this server, and nobody may frame it. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Vite puts a hash of the content in the names under this folder, so they never change their content. */
const HASHED = '/assets/'

/** The console at `/`; a clear problem in its place where it was not built. */
export function pageRoutes(app: FastifyInstance, consoleDir: string): void {
  if (!existsSync(join(consoleDir, 'index.html'))) {
    app.get('/', { schema: { hide: true } }, () => {
      throw new ApiProblem(503, `the page is not built: no index.html in ${consoleDir}; run npm run build`)
    })
    return
  }
  app.register(staticFiles, {
    root: consoleDir,
    // Only what lies there at start is served: no path of a request ever reaches the file system.
    wildcard: false,
    decorateReply: false,
    cacheControl: false,
    dotfiles: 'ignore',
    setHeaders: (reply, path) => {
      const hashed = path.includes(HASHED)
      reply.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
}
