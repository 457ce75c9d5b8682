import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Trouble } from './trouble.js';

/** How a protocol tells what went wrong, as JSON; without a body, nothing but the status is told. */
export interface Told {
  /** Where the protocol prescribes another one than ours. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export type Envelope = (trouble: Trouble, request: FastifyRequest) => Told;

/** What pages of clients' origins may send and see besides what all may. */
export interface CrossOrigin {
  readonly sends?: readonly string[];
  readonly sees?: readonly string[];
}

/** What the edge has to know of a route before its handler runs. */
export interface RouteManners {
  /** It changes state on a navigation: it does nothing for a HEAD, a prefetch, an image or a frame. */
  readonly changesState?: boolean;
  /** It gives out credentials for one in its headers: it does nothing for a HEAD. */
  readonly mints?: boolean;
  /** A frame is let through all the same: the route asks whether its client may be embedded. */
  readonly embeddable?: boolean;
  /** Pages of clients' origins may call it (CORS). */
  readonly crossOrigin?: boolean | CrossOrigin;
  /** The body it takes; JSON unless said. */
  readonly takes?: 'json' | 'form' | 'both';
  /** How its protocol tells of troubles; problem details (RFC 9457), or a page, unless said. */
  readonly envelope?: Envelope;
}

export const Manners = (manners: RouteManners) => RouteConfig(manners);

declare module 'fastify' {
  interface FastifyContextConfig extends RouteManners {}
}
