import { createServer } from 'node:net';

/** Whether nobody listens on this port of this host. */
export const isFree = (port, host = '127.0.0.1') => listenOnce(port, host).then(Boolean, () => false);

/** A port of the loopback address nobody listens on, chosen by the system. */
export const freePort = () => listenOnce(0, '127.0.0.1');

function listenOnce(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, host, () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}
