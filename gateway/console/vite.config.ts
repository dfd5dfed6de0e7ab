import { defineConfig } from 'vite'

/** Builds the page into `dist/console`; the API serves it from there, at whatever path it stands. */
export default defineConfig({
  base: './',
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // The charts are most of the page's weight and come after the first paint.
    chunkSizeWarningLimit: 600,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
