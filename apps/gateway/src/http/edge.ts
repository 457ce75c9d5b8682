import cookie from '@fastify/cookie';
import { BadRequestException, MisdirectedException, UnsupportedMediaTypeException } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { withCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import { Log } from '#log/log';
import { noteAnswers } from './access.js';
import { Addresses } from './address.js';
import { isDocumentedBody, isForm, readBodies } from './bodies.js';
import { callOf } from './call.js';
import { crossOriginHook } from './cors.js';
import { Denials } from './denials.js';
import { FaultFilter } from './fault.filter.js';
import { securityHeaders } from './headers.js';
import { hostsOf, hostTrouble } from './hosts.js';
import { isInert } from './inert.js';
import { InputPipe } from './input.pipe.js';
import { sweepMethods } from './method-sweep.js';
import { isSingleValued } from './single-valued.js';
import { routeOf } from './throttle.guard.js';
import { isTrace, rewriteTraces, type TracedAddresses, traceTrouble } from './trace.js';
import { refuseTarget, refuseUnreadable } from './unreadable.js';

/** S-104: bodies and headers alike, in bytes. */
const most = 16 * 1024;
/** S-104: within this a request must have arrived, in milliseconds. */
const patienceMs = 10_000;

interface EdgeOptions {
  readonly PUBLIC_URL: string;
  readonly TRUSTED_PROXIES: readonly string[];
  readonly NODE_ENV: string;
  readonly traced: TracedAddresses;
}

/** What clients list of themselves, as far as the edge goes by it. */
export interface Listings {
  knowsHost(host: string): Promise<boolean>;
  knowsOrigin(origin: string): Promise<boolean>;
}

/** The HTTP server as the world sees it, before any route. */
export function edgeAdapter({
  TRUSTED_PROXIES,
  traced,
}: Pick<EdgeOptions, 'TRUSTED_PROXIES' | 'traced'>): FastifyAdapter {
  return new FastifyAdapter({
    rewriteUrl: rewriteTraces(traced),
    trustProxy: TRUSTED_PROXIES.length > 0 ? [...TRUSTED_PROXIES] : false,
    bodyLimit: most,
    requestTimeout: patienceMs,
    http: {
      maxHeaderSize: most,
      headersTimeout: patienceMs,
      connectionsCheckingInterval: 1_000,
      // Its absence is judged with all else about hosts.
      requireHostHeader: false,
    },
    // What still arrives while we stop is work like any other; the answer asks to close the connection.
    return503OnClosing: false,
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: refuseTarget,
    routerOptions: { maxParamLength: 512 },
  });
}

/**
 * Gives every route its manners, whatever its protocol. Call it before any route is made, and what it returns after
 * all are: then the methods a route does not have are refused.
 */
export async function mindManners(
  app: NestFastifyApplication,
  options: EdgeOptions,
  listings: Listings,
): Promise<() => void> {
  const server = app.getHttpAdapter().getInstance();
  const denials = app.get(Denials);
  const addresses = app.get(Addresses);
  const ours = options.NODE_ENV === 'production' ? hostsOf(options.PUBLIC_URL) : null;

  app.useSecurityHeaders(securityHeaders(options.PUBLIC_URL));
  app.useGlobalPipes(new InputPipe());
  app.useGlobalFilters(app.get(FaultFilter));
  await app.register(cookie);
  readBodies(server);

  server.decorateRequest('call', null);
  server.addHook('onRequest', noteAnswers(app.get(Log)));
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('cache-control', 'no-store').header('traceparent', callOf(request).traceparent);
    if (isTrace(request)) reply.header('connection', 'close');
    const untraceable = traceTrouble(request);
    const trouble = hostTrouble(request.raw, ours);
    if (untraceable) done(untraceable);
    else if (trouble === 'ambiguous') done(new BadRequestException());
    else if (trouble === 'unknown') withCall(callOf(request), () => judgeHost(request)).then(() => done(), done);
    else done();
  });
  const judgeHost = async (request: FastifyRequest) => {
    if (await listings.knowsHost(request.headers.host ?? '')) return;
    const address = addresses.hash(request);
    denials.note({ clientId: '_', route: routeOf(request), reason: 'host.unknown', address });
    throw new MisdirectedException();
  };
  server.addHook(
    'onRequest',
    crossOriginHook((origin) => listings.knowsOrigin(origin), options.PUBLIC_URL),
  );
  server.addHook('onRequest', (request, reply, done) => {
    const { changesState, mints, embeddable } = request.routeOptions.config;
    if (mints && request.method === 'HEAD') reply.code(200).send();
    else if (!changesState || !isInert(request.method, request.headers, embeddable)) done();
    // 204 keeps a browser from showing later what it fetched now.
    else reply.code(request.method === 'HEAD' ? 200 : 204).send();
  });
  server.addHook('preParsing', (request, _reply, _payload, done) => {
    done(isDocumentedBody(request) ? null : new UnsupportedMediaTypeException());
  });
  server.addHook('preValidation', (request, _reply, done) => {
    if (isSingleValued(request.query) && (!isForm(request) || isSingleValued(request.body))) done();
    else done(new Fault('request.invalid', { detail: 'each parameter once, with a plain name' }));
  });
  // What is in hand when we stop is answered; kept alive, its connection would keep the server from closing.
  let stopping = false;
  server.addHook('preClose', (done) => {
    stopping = true;
    done();
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping) reply.header('connection', 'close');
    done();
  });
  // The body is read on the socket's events, outside of any context, so the call is entered after it.
  server.addHook('preHandler', (request, _reply, done) => withCall(callOf(request), done));
  return sweepMethods(server, options.traced);
}
