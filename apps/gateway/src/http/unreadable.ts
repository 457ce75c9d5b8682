import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { metrics } from '#metrics/metrics';

/** For answers that are given before there is a request the usual way could answer. */
const bareHeaders = {
  'content-type': 'application/problem+json; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function bareProblem(status: number): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, code: 'unreadable' });
}

/** A target that no route can be looked up for: a broken escape, or a segment without end. */
export function refuseTarget({ statusCode = 400 }: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  metrics.unreadable.of({ status: String(statusCode) }).add();
  reply.code(statusCode).headers(bareHeaders).send(bareProblem(statusCode));
}

/** What Node cannot read as HTTP never becomes a request (S-103). */
export function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400;
  metrics.unreadable.of({ status: String(status) }).add();
  const body = bareProblem(status);
  const fields = { ...bareHeaders, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`);
}
