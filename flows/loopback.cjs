const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/**
 * Express middleware: answers 403 to requests that name another host than loopback. A web page elsewhere could
 * otherwise reach the editor through a name of its own that resolves to 127.0.0.1 (DNS rebinding).
 */
function loopbackOnly(request, response, next) {
  if (LOOPBACK_HOST.test(request.headers.host ?? '')) next()
  else response.status(403).type('text').send('only for this machine\n')
}

module.exports = { loopbackOnly }
