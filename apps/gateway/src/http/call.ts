import type { FastifyRequest } from 'fastify';
import { type Call, newCall } from '#bus/call';

/** What one HTTP request may take altogether, in milliseconds (state.md, "Deadlines"). */
const budgetMs = 4_500;

/** The call a request's asks belong to: its deadline runs from the first look at it. */
export function callOf(request: FastifyRequest): Call {
  const given = request.headers['traceparent'];
  request.call ??= newCall(Date.now(), budgetMs, typeof given === 'string' ? given : undefined);
  return request.call;
}

declare module 'fastify' {
  interface FastifyRequest {
    call: Call | null;
  }
}
