import { test } from 'tap'
import { allows, EVERYTHING, NOTHING, rulesFor } from '../../../../gateway/catalogue/crawl/robots.ts'

const may = (text: string, path: string, product = 'poincon') =>
  allows(rulesFor(text, product), new URL(path, 'https://a.example'))

test('the simple example of RFC 9309, 5.1', (t) => {
  const text = `User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
`
  for (const [product, path, allowed] of [
    ['foobot', '/example/page.html', true],
    ['foobot', '/example/allowed.gif', true],
    ['foobot', '/other', false],
    ['barbot', '/example/page.html', false],
    ['bazbot', '/example/page.html', false],
    ['BazBot', '/x.gif', true],
    ['quxbot', '/example/', true],
    ['poincon', '/x.gif', false],
    ['poincon', '/x.gif?a', true],
    ['poincon', '/example/x', false],
    ['poincon', '/publications/', true],
    ['poincon', '/robots.txt', true],
  ] as const) {
    t.equal(may(text, path, product), allowed, `${product} ${path}`)
  }
  t.end()
})

test('the longest match of RFC 9309, 5.2, and allowing where two are as long', (t) => {
  const text = 'User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n'
  t.equal(may(text, '/example/page/disallowed.gif', 'foobot'), false)
  t.equal(may(text, '/example/page/other.gif', 'foobot'), true)
  t.equal(may('User-agent: *\nDisallow: /a\nAllow: /a', '/a'), true)
  t.end()
})

test('octets are compared as RFC 9309, 2.2.2 has them', (t) => {
  for (const [rule, path] of [
    ['/foo/bar?baz=quz', '/foo/bar?baz=quz'],
    ['/foo/bar?baz=https://foo.bar', '/foo/bar?baz=https://foo.bar'],
    ['/foo/bar/\u{3082}', '/foo/bar/%E3%82%82'],
    ['/foo/bar/%E3%83%84', '/foo/bar/\u{30c4}'],
    ['/foo/bar/%62%61%7A', '/foo/bar/baz'],
    ['/path/file-with-a-%2A.html', '/path/file-with-a-%2a.html'],
  ] as const) {
    t.equal(may(`User-agent: *\nDisallow: ${rule}`, path), false, `${rule} ${path}`)
  }
  t.end()
})

test('wildcards, and the end', (t) => {
  for (const [rule, path, match] of [
    ['/*.php', '/a/b.php?x', true],
    ['/*.php$', '/a/b.php?x', false],
    ['/*.php$', '/a.php/b.php', true],
    ['/a*b*c$', '/abcbc', true],
    ['/a*bc$', '/abc', true],
    ['/ab*b$', '/ab', false],
    ['/$', '/', true],
    ['/$', '/x', false],
    ['*', '/x', true],
    ['private', '/private', true],
    ['/a***b', '/axb', true],
  ] as const) {
    t.equal(may(`User-agent: *\nDisallow: ${rule}`, path), !match, `${rule} ${path}`)
  }
  const slow = `/${'*a'.repeat(5000)}b`
  t.equal(may(`User-agent: *\nDisallow: ${slow}`, `/${'a'.repeat(20_000)}`), true, 'and quickly')
  t.end()
})

test('groups: merged, with other records between, by product token, else for everybody', (t) => {
  const text = `# comment
User-agent: other
Sitemap: https://a.example/map.xml
User-agent: Poincon/2.0 # a version
Crawl-delay: 7
Disallow: /a # here
unknown: line
User-agent: *
Disallow: /

user-agent: POINCON
disallow: /b
`
  t.equal(may(text, '/a'), false)
  t.equal(may(text, '/b'), false, 'both groups')
  t.equal(may(text, '/c'), true, 'not the one for everybody')
  t.equal(may(text, '/a', 'other'), false, 'a record of another kind ends no group')
  t.equal(may(text, '/c', 'third'), false)
  t.equal(rulesFor(text, 'poincon').crawlDelayS, 7)
  t.equal(may('Disallow: /', '/a'), true, 'rules of nobody')
  t.equal(may('<html>User-agent: *<br>Disallow: /', '/a'), true, 'a page in its place')
  t.equal(may('user-agent:*\rdisallow:/x', '/x'), false, 'every line end')
  t.equal(rulesFor('User-agent: *\nCrawl-delay: soon', 'poincon').crawlDelayS, undefined)
  t.equal(allows(EVERYTHING, new URL('https://a.example/')), true)
  t.equal(allows(NOTHING, new URL('https://a.example/')), false)
  t.end()
})

test('a line of blanks, however long, is read at once', (t) => {
  const blanks = ' '.repeat(500_000)
  t.equal(may(`user-agent: *\ndisallow:${blanks}/x${blanks}#\u2028\n`, '/x'), false)
  t.end()
})
