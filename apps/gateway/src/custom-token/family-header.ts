import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';

type Asked = Pick<FastifyRequest, 'headers' | 'query'>;

/** What a request says under either name of the family. @throws Fault `request.invalid` where it says two things */
export function said({ headers }: Pick<Asked, 'headers'>, name: 'key' | 'session' | 'jwt'): string | undefined {
  return theOnly(name, [headers[`x-appwrite-${name}`], headers[`x-nuvix-${name}`]]);
}

/** The project (our client) a request is for; nothing of it is proven. */
export function projectNamedBy({ headers, query }: Asked): string | undefined {
  const { project } = (query ?? {}) as { readonly project?: unknown };
  return theOnly('project', [headers['x-appwrite-project'], headers['x-nuvix-project'], project]);
}

/** Whether the program is of the one branch of the family: it knows a session cookie by another name. */
export function isNuvix({ headers }: Pick<Asked, 'headers'>): boolean {
  return headers['x-nuvix-project'] !== undefined;
}

function theOnly(name: string, values: readonly unknown[]): string | undefined {
  const given = new Set(values.filter((value) => typeof value === 'string' && value !== ''));
  if (given.size > 1) throw new Fault('request.invalid', { detail: `${name}: given twice, and differently` });
  const [only] = given;
  return typeof only === 'string' ? only : undefined;
}
