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
 * address but that template, so no credential in a path or query gets there (S-111).
 */
export function noteAnswers(log: Log): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
  const lines = log.shows('info');
  return (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { statusCode: status, elapsedTime: ms } = reply;
    const gone = !reply.raw.writableFinished;
    const method = isTrace(request) ? 'TRACE' : request.method;
    const told = usual.has(method) && status !== 405 ? method : 'other';
    durationOf(route, told, gone ? 'gone' : classOf(status)).record(ms / 1000);
    if (lines) {
      const trace = traceId(callOf(request));
      const took = Math.round(ms * 10) / 10;
      log.info('answered', { method, route, status: gone ? 'gone' : status, ms: took, trace });
    }
    done();
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
