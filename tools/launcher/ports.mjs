import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Whether nobody listens on this port of this host. */
export const isFree = (port, host = '127.0.0.1') => listenOnce(port, host).then(Boolean, () => false);

/** Below what systems give to outgoing connections: between our look and our use one of those may take a port otherwise. */
const [first, last] = [20_000, 32_000];

/** A port of the loopback address nobody listens on. */
export async function freePort() {
  for (let attempts = 0; attempts < 100; attempts++) {
    const port = randomInt(first, last);
    if (await isFree(port)) return port;
  }
  return listenOnce(0, '127.0.0.1');
}

function listenOnce(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, host, () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}
