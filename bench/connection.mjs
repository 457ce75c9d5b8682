import { connect } from 'node:net';

/** One request as it goes over the wire. */
export function request(method, path, headers = {}, body = '') {
  let head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  if (method !== 'GET') head += `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${head}\r\n${body}`;
}

/** A request with a JSON body. */
export const json = (method, path, value, headers = {}) =>
  request(method, path, { 'Content-Type': 'application/json', ...headers }, JSON.stringify(value));

/**
 * Opens one keep-alive connection for one request at a time: a client that costs little, so that the load generator is
 * not what is measured.
 * @param {number} port on the loopback address
 * @param {(status: number, head: string, body: string) => void} onReply
 * @param {(error: Error) => void} onError
 */
export function open(port, onReply, onError) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    received += chunk;
    for (let reply = takeReply(received); reply; reply = takeReply(received)) {
      received = received.slice(reply.end);
      onReply(reply.status, reply.head, reply.body);
    }
  });
  socket.on('error', onError);
  socket.on('close', () => onError(new Error('the server closed the connection')));
  return socket;
}

/** The first whole reply of what has arrived, or nothing yet. */
function takeReply(text) {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const begin = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) return whole(text, { status, head, begin, end: begin + Number(length[1]) });
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return chunked(text, { status, head, begin });
  return { status, head, body: '', end: begin };
}

function whole(text, { status, head, begin, end }) {
  return text.length < end ? undefined : { status, head, body: text.slice(begin, end), end };
}

function chunked(text, { status, head, begin }) {
  let body = '';
  for (let at = begin; ; ) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (text.length < next) return undefined;
    if (size === 0) return { status, head, body, end: next };
    body += text.slice(line + 2, line + 2 + size);
    at = next;
  }
}
