import { Catch, Controller, type ExceptionFilter, type Type, UseFilters } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { type MessageHandler, MessagePattern } from '@nestjs/microservices';
import { isObservable, lastValueFrom, type Observable, throwError } from 'rxjs';
import type { Contract, Handlers, Verb } from '#contracts/service';

/** What `@Serve` notes on a handler for the transport. */
interface ServedExtras {
  readonly verb: Verb;
  readonly controller: Type;
  readonly method: string;
}

/** A verb and what answers it. */
export interface Served {
  readonly verb: Verb;
  readonly handle: (request: unknown) => unknown;
}

/** Finds the one instance of a controller; throws where there is none, or one for each request. */
export type InstanceOf = (controller: Type) => object;

/**
 * Makes a class serve a contract: one method per verb, of the same name. A missing or mistyped method does not compile.
 * The bus validates each request by the verb's schema first; what it does not allow answers `request.invalid` with the
 * paths as detail. Nest's guards, pipes, interceptors and filters run where the class or the method names them.
 *
 * ```ts
 * @Serve(session)
 * export class SessionController {
 *   read(request: Received<typeof session.read>) { return this.reading.run(request); }
 *   …
 * }
 * ```
 */
export function Serve<C extends Contract>(contract: C) {
  return <Service extends new (...injected: never[]) => Handlers<C>>(service: Service): void => {
    Controller()(service);
    UseFilters(new Untouched())(service);
    for (const [name, verb] of Object.entries(contract)) {
      const method = Object.getOwnPropertyDescriptor(service.prototype, name);
      if (!method) throw new Error(`${service.name} has no method ${name} for ${verb.subject}`);
      const extras: ServedExtras = { verb, controller: service as unknown as Type, method: name };
      MessagePattern(verb.subject, extras)(service.prototype, name, method);
    }
  };
}

/**
 * What a transport calls for a subject. Nest's wrapper makes ten promises and as many arrays and closures a call, even
 * where it has nothing to run, so a method that names nothing of Nest's is called as it is.
 *
 * @throws Error for a handler that is not one of `@Serve`
 */
export function servedBy(subject: string, wrapped: MessageHandler, instanceOf: InstanceOf | undefined): Served {
  const { verb, controller, method } = (wrapped.extras ?? {}) as Partial<ServedExtras>;
  if (!verb || !controller || !method) throw new Error(`${subject} is not served by @Serve`);
  const instance = instanceOf && namesNothing(controller, method) ? found(controller, instanceOf) : undefined;
  return { verb, handle: instance ? handlerIn(instance, method) : async (request) => settled(await wrapped(request)) };
}

function handlerIn(instance: object, method: string): Served['handle'] {
  const handler = (instance as Record<string, Served['handle']>)[method] as Served['handle'];
  return handler.bind(instance);
}

function found(controller: Type, instanceOf: InstanceOf): object | undefined {
  try {
    return instanceOf(controller);
  } catch {
    return undefined;
  }
}

function settled(result: unknown): unknown {
  return isObservable(result) ? lastValueFrom(result) : result;
}

function namesNothing(controller: Type, method: string): boolean {
  const places = [controller, controller.prototype[method]];
  const named = (key: string) => places.flatMap((place) => (Reflect.getMetadata(key, place) as unknown[]) ?? []);
  const others = named(EXCEPTION_FILTERS_METADATA).filter((filter) => !(filter instanceof Untouched));
  const run = [GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA].flatMap(named);
  return others.length === 0 && run.length === 0 && !Reflect.hasMetadata(ROUTE_ARGS_METADATA, controller, method);
}

/** Nest would reduce what a handler throws to "Internal server error"; the bus judges it instead. */
@Catch()
class Untouched implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
