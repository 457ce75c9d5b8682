import type { SecurityHeadersOptions } from '@nestjs/common';
import { styleSource } from './page.js';

/**
 * What every answer carries (S-44). Our pages need one style and one form; nothing else is ever loaded, and nobody
 * frames us.
 */
export function securityHeaders(publicUrl: string): SecurityHeadersOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: "'none'",
        styleSrc: styleSource,
        formAction: "'self'",
        frameAncestors: "'none'",
        baseUri: "'none'",
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  };
}

/** For the reader of the OpenAPI document alone: it brings its own scripts and styles, all of them from here. */
export const docsPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
