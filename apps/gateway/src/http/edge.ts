import { BadRequestException, MisdirectedException, UnsupportedMediaTypeException } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { withCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import { Log } from '#log/log';
import { noteAnswers } from './access.js';
import { Addresses } from './address.js';
import { isDocumentedBody, isForm, nameNoEmptyBody, readBodies } from './bodies.js';
import { callOf } from './call.js';
import { readCookies } from './cookies.js';
import { crossOriginHook } from './cors.js';
import { Denials } from './denials.js';
import { FaultFilter } from './fault.filter.js';
import { everyAnswer } from './headers.js';
import { hostsOf, hostTrouble } from './hosts.js';
import { inertHook } from './inert.js';
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
  PUBLIC_URL,
  TRUSTED_PROXIES,
  traced,
}: Pick<EdgeOptions, 'PUBLIC_URL' | 'TRUSTED_PROXIES' | 'traced'>): FastifyAdapter {
  const adapter = new FastifyAdapter({
    // Nothing here is a middleware.
    skipMiddie: true,
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
  // What has no path is refused by the adapter before any hook of ours.
  const headers = Object.entries(everyAnswer(PUBLIC_URL));
  adapter.registerSecurityHook(({ raw: { url } }, response) => {
    if (!url?.startsWith('/')) for (const [name, value] of headers) response.setHeader(name, value);
    return undefined;
  });
  return adapter;
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

  const headers = everyAnswer(options.PUBLIC_URL);
  app.useGlobalPipes(new InputPipe());
  app.useGlobalFilters(app.get(FaultFilter));
  const cookies = await readCookies(server);
  readBodies(server);

  server.decorateRequest('call', null);
  const note = noteAnswers(app.get(Log));
  // All in one hook: each costs as much again as what most of these do.
  server.addHook('onRequest', (request, reply, done) => {
    note(request, reply);
    cookies(request);
    nameNoEmptyBody(request);
    reply.headers(headers).header('traceparent', callOf(request).traceparent);
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
  // What a route is asked before its own hooks is known when it is made: no request pays for the manners of others.
  server.addHook('onRoute', (route) => {
    const crossOrigin = crossOriginHook(route.config, (origin) => listings.knowsOrigin(origin), options.PUBLIC_URL);
    const asked = [crossOrigin, inertHook(route.config), route.onRequest].flat().filter((hook) => hook !== undefined);
    if (asked.length > 0) route.onRequest = asked;
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
