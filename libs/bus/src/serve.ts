import { Catch, Controller, type ExceptionFilter, type PipeTransform, UseFilters, UsePipes } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { type Observable, throwError } from 'rxjs';
import type { z } from 'zod';
import { Fault } from '#contracts/fault';
import type { Contract, Handlers, Verb } from '#contracts/service';

/** What `@Serve` notes on a handler for the transport. */
export interface ServedExtras {
  readonly verb: Verb;
}

/**
 * Makes a class serve a contract: one method per verb, of the same name. A missing or mistyped method does not compile.
 * Nest's guards, pipes, interceptors and filters run as on any controller; the request is validated by the verb's schema
 * first, and what the schema does not allow answers `request.invalid` with the paths as detail.
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
      MessagePattern(verb.subject, { verb } satisfies ServedExtras)(service.prototype, name, method);
      UsePipes(new RequestPipe(verb.request))(service.prototype, name, method);
    }
  };
}

/** Every internal message is treated as untrusted (S-108). */
class RequestPipe implements PipeTransform {
  constructor(private readonly schema: z.ZodType) {}

  transform(value: unknown): unknown {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const paths = new Set(parsed.error.issues.map(({ path }) => path.map(segment).join('.') || '(request)'));
    throw new Fault('request.invalid', { detail: [...paths].slice(0, 20).join(', ') });
  }
}

/** Keys of a record are the caller's own words; only plain names are repeated. */
function segment(key: PropertyKey): string {
  const name = String(key);
  return /^\w{1,64}$/.test(name) ? name : '?';
}

/** Nest would reduce what a handler throws to "Internal server error"; the transport judges it instead. */
@Catch()
class Untouched implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
