import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, Reflector } from '@nestjs/core';
import { controllers } from '../../apps/gateway/src/gateway.module.js';
import { limitOf } from '../../apps/gateway/src/http/throttle.guard.js';

/** A route as its controller declares it. */
export interface Route {
  /** E.g. `GET /v1/session`. */
  readonly name: string;
  readonly method: string;
  /** With its parameters, e.g. `/v1/users/:id`. */
  readonly path: string;
  /** The limit it says it counts towards; a guard may count for it instead. */
  readonly limit: string | undefined;
}

const scanner = new MetadataScanner();
const reflector = new Reflector();

/** Every route the controllers of the gateway have, documented or not. */
export function allRoutes(): Route[] {
  return controllers.flatMap((controller) =>
    scanner.getAllMethodNames(controller.prototype).flatMap((name) => {
      const handler = Reflect.get(controller.prototype, name);
      const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler)];
      if (method === undefined) return [];
      const [heads, tails] = [controller, handler].map((of) => [Reflect.getMetadata(PATH_METADATA, of)].flat());
      return (heads ?? []).flatMap((head) =>
        (tails ?? []).map((tail) => {
          const path = `/${head}/${tail}`.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1');
          return { name: `${method} ${path}`, method, path, limit: limitOf(reflector, handler) };
        }),
      );
    }),
  );
}
