// LiveChat's other SDK for Node speaks TLS only, and the server under test has no certificate: this ends TLS before
// it, with a certificate that is made here and now, and passes the bytes on.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

/** Starts it. Gives the address that clients are told, and a way to end it. */
export async function withTls(host) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidings-tls-'));
  const file = (name) => path.join(folder, name);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const files = ['-keyout', file('key.pem'), '-out', file('cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2', ...curve, ...subject, ...files], { stdio: 'pipe' });
  const pair = { key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) };
  rmSync(folder, { recursive: true });
  const [address, port] = host.split(':');
  const server = tls.createServer(pair, (secure) => {
    const plain = net.connect(Number(port), address);
    const end = () => {
      secure.destroy();
      plain.destroy();
    };
    secure.on('error', end).on('close', end).pipe(plain);
    plain.on('error', end).on('close', end).pipe(secure);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { host: `127.0.0.1:${server.address().port}`, close: () => server.close() };
}
