import { isUtf8 } from 'node:buffer';
import { parse } from 'node:querystring';
import { BadRequestException } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const json = ['application/json', 'application/merge-patch+json'];
const form = 'application/x-www-form-urlencoded';

/** An empty body is none, of whatever kind: whoever needs one refuses its absence. */
export function nameNoEmptyBody({ headers }: Pick<FastifyRequest, 'headers'>): void {
  if (headers['content-length'] === '0') delete headers['content-type'];
}

/** Reads the two kinds of body there are. */
export function readBodies(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(json, { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) done(null, undefined);
    else if (!isUtf8(body)) done(new BadRequestException());
    else parseJson(request, body.toString(), done);
  });
  server.addContentTypeParser(form, { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (isUtf8(body)) done(null, parse(body.toString()));
    else done(new BadRequestException());
  });
}

/** Whether what came is a form, be it what the route takes or not. */
export function isForm({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return typeOf(headers) === form;
}

/** Whether the body, if there is one, is of the kind the route documents (S-105). */
export function isDocumentedBody(request: FastifyRequest): boolean {
  const type = typeOf(request.headers);
  if (type === undefined) return true;
  const { takes = 'json' } = request.routeOptions.config;
  return (takes !== 'json' && type === form) || (takes !== 'form' && json.includes(type));
}

function typeOf(headers: FastifyRequest['headers']): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase();
}
