import { connect } from 'node:net';

/** Says `line` to a local server and resolves once its answer contains `expected`; anything else within 1 s rejects. */
export function talk(port, line, expected) {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(line));
    socket.setTimeout(1000, () => socket.destroy(new Error('no answer within 1 s')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (data) => {
      heard += data;
      if (!heard.includes(expected)) return;
      resolve();
      socket.destroy();
    });
  });
}
