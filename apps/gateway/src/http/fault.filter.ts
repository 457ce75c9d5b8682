import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { traceId } from '#bus/call';
import { Log } from '#log/log';
import { callOf } from './call.js';
import { html, isForEyes, page } from './page.js';
import { internalTrouble, type Trouble, troubleOf } from './trouble.js';

/** What `Retry-After` says while a dependency is down, in seconds. */
const retryAfter = '2';

/**
 * Answers everything that goes wrong: in the envelope of the protocol where it has one, else with problem details
 * (RFC 9457) for programs and a plain page for people.
 */
@Catch()
@Injectable()
export class FaultFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const trouble = troubleOf(error) ?? this.#bug(error);
    if (reply.sent) return;

    const { envelope } = request.routeOptions.config;
    const { status = trouble.status, headers = {}, body } = envelope?.(trouble, request) ?? {};
    reply.code(status).header('cache-control', 'no-store');
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    if (trouble.outcome) reply.header('retry-after', retryAfter).header('segue-outcome', trouble.outcome);
    if (envelope) {
      reply.headers(headers);
      if (body) reply.type('application/json').send(JSON.stringify(body));
      else reply.send();
      return;
    }

    reply.header('vary', 'Accept');
    const trace = traceId(callOf(request));
    if (isForEyes(request.headers.accept)) reply.type('text/html; charset=utf-8').send(troublePage(trouble, trace));
    else reply.type('application/problem+json').send(JSON.stringify(problem(trouble, trace)));
  }

  #bug(err: unknown): Trouble {
    this.log.error('a request failed', { err });
    return internalTrouble;
  }
}

function problem({ status, code, says, detail, outcome }: Trouble, traceId: string) {
  return { type: `urn:segue:fault:${code}`, title: says, status, code, detail, outcome, traceId };
}

function troublePage({ status, says, detail }: Trouble, trace: string): string {
  const advice =
    status === 503 || status === 429
      ? html`<p>Please wait a moment and try again.</p>`
      : html`<p>${detail ?? 'Please go back to where you came from and try again.'}</p>`;
  return page(says, html`${advice}<p>If you ask for help, mention <code>${trace}</code>.</p>`);
}
