import { RouteConfig } from '@nestjs/platform-fastify';

/** What the edge has to know of a route before its handler runs. */
export interface RouteManners {
  /** It changes state on a navigation: it does nothing for a HEAD, a prefetch, an image or a frame. */
  readonly changesState?: boolean;
  /** A frame is let through all the same: the route asks whether its client may be embedded. */
  readonly embeddable?: boolean;
  /** Pages of clients' origins may call it (CORS). */
  readonly crossOrigin?: boolean;
  /** The body it takes; JSON unless said. */
  readonly takes?: 'json' | 'form';
}

export const Manners = (manners: RouteManners) => RouteConfig(manners);

declare module 'fastify' {
  interface FastifyContextConfig extends RouteManners {}
}
