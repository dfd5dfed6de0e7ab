import { type SupplierSites, tinyPng } from './supplier-site.ts'

/** Pages as suppliers' are, of lenses that nobody makes: what is odd about each stands beside it. */
export const PAGES = {
  /** Leads to the others, and to what is none of ours. */
  index: `<!doctype html><title>Gravures</title><h1>Gravures</h1>
    <p><a href="/gravures/atelier.html">Atelier</a> <a href="/gravures/lumen.html#top">Lumen</a>
    <a href="lumen.html">Lumen again</a> <a href="prisme.html">Prisme</a> <a href="/private/prices.html">Prices</a>
    <a href="https://elsewhere.example/gravures/">Partner</a> <a href="mailto:a@b.example">Write</a></p>
    <table><tr><th>Bureau</th><th>Ville</th></tr><tr><td>Siège</td><td>Lyon</td></tr></table>`,
  /** As it should be: pictures and texts. */
  atelier: `<!doctype html><title>Verres</title><h1>Gravures de verres de ATELIER DU VERRE</h1>
    <table><thead><tr><th>Nom du verre</th><th>Gravure nasale</th><th>Indice</th><th>Matière</th></tr></thead><tbody>
    <tr><td>Clarté Duo</td><td><img src="../img/cd.png" alt="Clarté  Duo:nasal"></td><td>1,5</td><td>ORG</td></tr>
    <tr><td>Clarté Duo Poly</td><td><img src="../img/cd.png" alt="Clarté Duo Poly:nasal"> P</td><td>1.59</td><td>POLY</td></tr>
    <tr><td>Clarté Solo</td><td>CS ou CSX</td><td>1.6 / 1.67</td><td>ORG MR8</td></tr>
    <tr><td></td><td>XX</td><td>1.5</td><td>ORG</td></tr>
    </tbody></table>`,
  /** Other order of columns, in Windows-1252, tags left open, index and material in each other's place on a line. */
  lumen: Buffer.from(
    `<html><head><meta http-equiv=content-type content="text/html; charset=windows-1252"><title>x</title>
    <h1>Fournisseur : LUMI\xc8RE ...</h1><h2>LUMI\xc8RE D'OPTIQUE</h2>
    <table><caption>Verres</caption><tr><th>Mati\xe8re<th>Gravures<th>Indice<th>D\xe9signation
    <tr><td>TVX<td>LU 53<td>1.53<td>Lueur
    <tr><td>1,67<td>LU 67<td>ORG<td>Lueur &eacute;lev&eacute;e
    <tr><td>ORG<td><img src=/img/lu.png><td>pas d'indice<td>Lueur 1.6 Transitions`,
    'latin1',
  ),
  /** Merged cells, a heading of two lines, bands between the lenses, a table within a cell. */
  prisme: `<h1>PRISME</h1><table><tr><td colspan=5><b>Nos verres</b></td></tr>
    <tr><th rowspan=2>Verre</th><th colspan=2>Gravure</th><th rowspan=2>Indice</th><th rowspan=2>Matière</th></tr>
    <tr><th>temporale</th><th>nasale</th></tr>
    <tr><td colspan=5>Progressifs</td></tr>
    <tr><td rowspan=2>Facette</td><td>2.00</td><td>FA5</td><td>1.5</td><td rowspan=3>ORG</td></tr>
    <tr><td>2.00</td><td>FA6</td><td>1.6</td></tr>
    <tr><td>Arête</td><td>2.25</td><td><table><tr><td>AR</td></tr></table></td><td>1.67</td></tr>
    <tr><td rowspan=0>Biseau</td><td>1.00</td><td>BI</td><td>1.74</td><td>ORG</td></tr>
    </table>`,
} as const

/** The three suppliers at 127.0.0.2, whose robots.txt keeps everybody out of /private/. */
export function openSites(sites: SupplierSites): void {
  const put = (path: string, answering: Parameters<typeof sites.paths.set>[1]) =>
    sites.paths.set(`127.0.0.2${path}`, answering)
  put('/robots.txt', { body: 'User-agent: *\nDisallow: /private/\n', type: 'text/plain' })
  put('/gravures/', PAGES.index)
  put('/gravures/atelier.html', PAGES.atelier)
  put('/gravures/lumen.html', { body: PAGES.lumen, type: 'text/html' })
  put('/gravures/prisme.html', PAGES.prisme)
  put('/private/prices.html', PAGES.atelier)
  put('/img/cd.png', tinyPng('cd'))
  put('/img/lu.png', tinyPng('lu'))
}
