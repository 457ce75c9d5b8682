import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Issuer } from '../guards/issuer.js';
import { isNuvix } from './family-header.js';
import { fromJson } from './session-secret.js';

const nuvix = 'nx_session';
const nameOf = (project: string) => `a_session_${project}`;
const legacyOf = (project: string) => `${nameOf(project)}_legacy`;

type Asking = Pick<FastifyRequest, 'headers'>;

/**
 * Where browsers keep a session, under the names of the family. The cookie goes with requests of pages of other sites
 * (`SameSite=None`, wherever we are reached by https): what such a page may do is for `Places` to say. Where a browser
 * keeps no cookies of other sites, its program keeps the fallback instead.
 */
@Injectable()
export class SessionCookies {
  readonly #secure: boolean;

  constructor(issuer: Issuer) {
    this.#secure = issuer.url.startsWith('https:');
  }

  /** All that a browser has kept of sessions of a project, the likeliest first. */
  read({ cookies, headers }: Pick<FastifyRequest, 'cookies' | 'headers'>, project: string): (string | undefined)[] {
    const header = headers['x-fallback-cookies'];
    const fallback = fromJson(typeof header === 'string' ? header : '');
    const kept = (typeof fallback === 'object' ? fallback : null) as Record<string, unknown> | null;
    const value = kept?.[nameOf(project)];
    const named = [nameOf(project), legacyOf(project), nuvix].map((name) => cookies[name]);
    return [...named, typeof value === 'string' ? value : undefined];
  }

  /** @param expiresAt ISO 8601 */
  give(request: Asking, reply: FastifyReply, project: string, value: string, expiresAt: string): void {
    this.#set(request, reply, project, value, new Date(expiresAt));
    if (isOfAnotherSite(request)) reply.header('x-fallback-cookies', JSON.stringify({ [nameOf(project)]: value }));
  }

  take(request: Asking, reply: FastifyReply, project: string): void {
    this.#set(request, reply, project, '', new Date(0));
    if (isOfAnotherSite(request)) reply.header('x-fallback-cookies', '{}');
  }

  #set(request: Asking, reply: FastifyReply, project: string, value: string, expires: Date): void {
    const everywhere = { path: '/', httpOnly: true, secure: this.#secure, expires } as const;
    const attributes = { ...everywhere, sameSite: this.#secure ? 'none' : 'lax' } as const;
    reply.setCookie(nameOf(project), value, attributes);
    // For browsers that do not know `None`.
    reply.setCookie(legacyOf(project), value, { ...everywhere, sameSite: false });
    if (isNuvix(request)) reply.setCookie(nuvix, value, attributes);
  }
}

/** Whether a page of another site asks, whose browser may keep no cookie of ours. */
function isOfAnotherSite({ headers }: Asking): boolean {
  return headers.origin !== undefined && (headers['sec-fetch-site'] ?? 'cross-site') === 'cross-site';
}
