import type { FastifyReply, FastifyRequest } from 'fastify';
import { traceId } from '#bus/call';
import type { Log } from '#log/log';
import type { Duration } from '#metrics/families';
import { metrics } from '#metrics/metrics';
import { callOf } from './call.js';
import { isTrace } from './trace.js';

const usual = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']);

/** By route, then by method and status class. */
const timed = new Map<string, Map<string, Duration>>();

/**
 * Notes every answer: its time under the template of its route, and a line in the log. Neither holds anything of the
 * address but that template, so no credential in a path or query gets there (S-111). To be the first a request meets;
 * Fastify's own hook for the end (`onResponse`) is not called where the client has gone.
 */
export function noteAnswers(log: Log): (request: FastifyRequest, reply: FastifyReply) => void {
  const lines = log.shows('info');
  return (request, reply) => {
    const began = performance.now();
    // A response closes once; `once` would wrap this for nothing.
    reply.raw.on('close', () => {
      const ms = performance.now() - began;
      const route = request.routeOptions.url ?? 'unknown';
      const method = isTrace(request) ? 'TRACE' : request.method;
      const { statusCode, writableFinished } = reply.raw;
      const told = usual.has(method) && statusCode !== 405 ? method : 'other';
      durationOf(route, told, writableFinished ? classOf(statusCode) : 'gone').record(ms / 1000);
      if (!lines) return;
      const trace = traceId(callOf(request));
      const status = writableFinished ? statusCode : 'gone';
      log.info('answered', { method, route, status, ms: Math.round(ms * 10) / 10, trace });
    });
  };
}

function durationOf(route: string, method: string, status: string): Duration {
  const ofRoute = timed.get(route) ?? new Map<string, Duration>();
  if (ofRoute.size === 0) timed.set(route, ofRoute);
  const key = method + status;
  const known = ofRoute.get(key);
  if (known) return known;
  const duration = metrics.httpRequests.of({ method, route, status });
  ofRoute.set(key, duration);
  return duration;
}

function classOf(status: number): string {
  return `${Math.trunc(status / 100)}xx`;
}
