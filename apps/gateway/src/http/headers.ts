import { resolveSecurityHeaders } from '@nestjs/core/security/security-headers.js';
import { styleSource } from './page.js';

export interface PageManners {
  /** Origins besides ours that its forms lead to: a browser holds every redirect of theirs against the policy, too. */
  readonly formsLeadTo?: readonly string[];
  /** Origins that may show it in a frame. */
  readonly framedBy?: readonly string[];
}

/** Our pages need one style and their forms; nothing else is ever loaded, and nobody frames us who is not named. */
function directives({ formsLeadTo = [], framedBy = [] }: PageManners = {}): Record<string, string[]> {
  return {
    'default-src': ["'none'"],
    'style-src': [styleSource],
    'form-action': ["'self'", ...formsLeadTo],
    'frame-ancestors': framedBy.length > 0 ? [...framedBy] : ["'none'"],
    'base-uri': ["'none'"],
  };
}

/** The Content-Security-Policy of one page of ours. */
export function pagePolicy(manners: PageManners): string {
  return Object.entries(directives(manners))
    .map(([name, values]) => [name, ...values].join(' '))
    .join(';');
}

/**
 * What every answer carries (S-44), for Fastify's reply: put straight on Node's response, as Nest would, they and all
 * other fields are kept a second time for each request.
 */
export function everyAnswer(publicUrl: string): Readonly<Record<string, string>> {
  const { headers } = resolveSecurityHeaders({
    contentSecurityPolicy: { useDefaults: false, directives: directives() },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  });
  const security = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  return Object.freeze({ ...security, 'cache-control': 'no-store' });
}

/** For the reader of the OpenAPI document alone: it brings its own scripts and styles, all of them from here. */
export const docsPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
