import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { normalEmail } from '#contracts/person';
import { basicOf } from '../guards/basic.js';

const longest = 512;

/** A name of an app as it is compared: the usual one is the user's e-mail, of which case is no part. */
export function appId(name: string): string {
  return normalEmail(name)?.key ?? name;
}

/**
 * The app that asks: header `client_id` (which some proxies drop), else the form field, else the user of Basic. Whatever
 * secret comes with it is not looked at: an app has none.
 */
export function appNamedBy(
  { headers }: Pick<FastifyRequest, 'headers'>,
  inForm: string | undefined,
): string | undefined {
  const inHeader = headers['client_id'];
  const name = (typeof inHeader === 'string' && inHeader) || inForm || basicOf({ headers })?.user;
  if (!name) return undefined;
  if (name.length > longest) throw new Fault('request.invalid', { detail: `client_id: at most ${longest} characters` });
  return appId(name);
}
