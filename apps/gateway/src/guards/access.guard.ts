import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';

const mark = 'public';

type Target = Parameters<Reflector['get']>[1];

/** For everybody, without a credential, or with one the route's own story checks. */
export const Public = () => SetMetadata(mark, true);

/** Whether somebody decided who may call a handler: it carries a guard, or says that it is public. */
export function isDecided(reflector: Reflector, handler: Target, controller: Target): boolean {
  const guards = reflector.getAll<(unknown[] | undefined)[]>(GUARDS_METADATA, [handler, controller]);
  return (
    guards.some((list) => list && list.length > 0) || reflector.getAllAndOverride(mark, [handler, controller]) === true
  );
}

/** Denies what nobody decided about (S-96). */
@Injectable()
export class AccessGuard implements CanActivate {
  /** What a class and its handlers say of themselves does not change. */
  readonly #decided = new Map<Target, Map<Target, boolean>>();

  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    const known = this.#decided.get(controller)?.get(handler);
    return known ?? this.#learn(handler, controller);
  }

  #learn(handler: Target, controller: Target): boolean {
    const decided = isDecided(this.reflector, handler, controller);
    const ofController = this.#decided.get(controller) ?? new Map<Target, boolean>();
    this.#decided.set(controller, ofController.set(handler, decided));
    return decided;
  }
}
