import type { z } from 'zod';
import type { FaultCode } from './fault.js';

/** What a service author writes down for one verb. */
export interface VerbShape {
  /** Validated by the serving side before the handler runs; every internal message is treated as untrusted (S-108). */
  readonly request: z.ZodType;
  readonly reply: z.ZodType;
  /** The codes this verb may answer besides the bus's own (`service.*`, `request.invalid`, `internal`). */
  readonly faults: readonly FaultCode[];
}

/** One message of the bus: its subject is computed (`segue.<service>.<verb>`) and written nowhere else. */
export interface Verb<Shape extends VerbShape = VerbShape> {
  readonly subject: string;
  readonly request: Shape['request'];
  readonly reply: Shape['reply'];
  readonly faults: readonly FaultCode[];
}

export type Contract<Shapes extends Record<string, VerbShape> = Record<string, VerbShape>> = {
  readonly [Name in keyof Shapes]: Verb<Shapes[Name]>;
};

/** What the asking side passes. */
export type Request<V extends Verb> = z.input<V['request']>;
/** What the handler gets: the request after validation and defaults. */
export type Received<V extends Verb> = z.output<V['request']>;
export type Reply<V extends Verb> = z.output<V['reply']>;

/** The methods a class needs to serve a contract; `@Serve` demands them at compile time. */
export type Handlers<C extends Contract> = {
  [Name in keyof C]: (request: Received<C[Name]>) => Promise<Reply<C[Name]>>;
};

/**
 * Declares a contract: one value per message, with its subject computed from the names.
 *
 * @param name the noun the verbs belong to, e.g. `session`
 * @param shapes request, reply and faults by verb
 */
export function service<Shapes extends Record<string, VerbShape>>(name: string, shapes: Shapes): Contract<Shapes> {
  const verbs = Object.entries(shapes).map(([verb, shape]) => [verb, { ...shape, subject: `segue.${name}.${verb}` }]);
  return Object.freeze(Object.fromEntries(verbs)) as Contract<Shapes>;
}
