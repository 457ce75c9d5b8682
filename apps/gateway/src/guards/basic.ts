import type { FastifyRequest } from 'fastify';

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** The pair of `Authorization: Basic` (RFC 7617), each half form-encoded as OAuth 2.0 has it (RFC 6749 section 2.3.1). */
export function basicOf({ headers }: Pick<FastifyRequest, 'headers'>): BasicCredentials | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(headers.authorization ?? '') ?? [];
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  if (user === undefined || password === undefined) return undefined;
  try {
    return { user: formDecoded(user), password: formDecoded(password) };
  } catch {
    return undefined;
  }
}

/** @throws URIError for a broken escape */
function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
