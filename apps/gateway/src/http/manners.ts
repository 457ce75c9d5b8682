import { RouteConfig } from '@nestjs/platform-fastify';

/** What the edge has to know of a route before its handler runs. */
export interface RouteManners {
  /** A GET that changes state: does nothing for a HEAD, a prefetch, an image or a frame. */
  readonly changesState?: boolean;
  /** The body it takes; JSON unless said. */
  readonly takes?: 'json' | 'form';
}

export const Manners = (manners: RouteManners) => RouteConfig(manners);

declare module 'fastify' {
  interface FastifyContextConfig extends RouteManners {}
}
