import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { BadRequestException, type HttpException, PayloadTooLargeException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Addresses that take TRACE, and the address whose POST answers it. */
export type TracedAddresses = ReadonlyMap<string, string>;

/** S-82, in bytes. */
const most = 8 * 1024;

const traces = new WeakSet<IncomingMessage>();
const lastOf = new WeakMap<Socket, IncomingMessage>();

/**
 * Routes a TRACE as the POST that answers it, since Fastify would drop its content (docs/decisions/0005-trace.md). From
 * any TRACE the one field is taken that an answer repeats a part of (S-81).
 */
export function rewriteTraces(addresses: TracedAddresses): (request: IncomingMessage) => string {
  return (request) => {
    const { method, url = '/', headers, socket } = request;
    if (method !== 'TRACE') return url;
    traces.add(request);
    lastOf.set(socket, request);
    delete headers['traceparent'];
    const [path = '', ...query] = url.split('?');
    const rewritten = addresses.get(path);
    if (rewritten === undefined) return url;
    request.method = 'POST';
    return [rewritten, ...query].join('?');
  };
}

/** Whether a request came as a TRACE, whatever it is routed as. */
export function isTrace({ raw }: Pick<FastifyRequest, 'raw'>): boolean {
  return traces.has(raw);
}

/**
 * What keeps a TRACE, or whatever comes behind one, from being answered: who stands between may not read its content as
 * content, so its end must be certain (S-82), and nothing that follows on its connection is believed.
 */
export function traceTrouble({ raw }: Pick<FastifyRequest, 'raw'>): HttpException | null {
  const last = lastOf.get(raw.socket);
  if (last !== undefined && last !== raw) return new BadRequestException();
  if (!traces.has(raw)) return null;
  if (raw.headers['transfer-encoding'] !== undefined) return new BadRequestException();
  return Number(raw.headers['content-length'] ?? 0) > most ? new PayloadTooLargeException() : null;
}
