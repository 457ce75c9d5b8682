import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import type { Envelope } from '../http/manners.js';
import type { Trouble } from '../http/trouble.js';

/** What programs of the family read as the version of the server. */
const version = '1.0.0';

interface Kind {
  readonly type: string;
  readonly status?: number;
  readonly message?: string;
}

const invalidJwt = {
  type: 'user_jwt_invalid',
  message: 'The JWT token is invalid. Check the value of the X-Appwrite-JWT header.',
};

/** Our codes in the words of the family (wire contract 4.4). */
const kinds: Readonly<Record<string, Kind>> = {
  code_refused: { type: 'user_invalid_token', message: 'Invalid token passed in the request.' },
  account_suspended: { type: 'user_blocked', message: 'The user has been blocked.' },
  jwt_refused: invalidJwt,
  token_expired: invalidJwt,
  scope_missing: { type: 'general_unauthorized_scope', status: 401 },
  key_exposed: { type: 'general_access_forbidden', status: 401 },
  credentials_key_and_session: { type: 'user_api_key_and_session_set' },
  credentials_jwt_and_session: { type: 'user_jwt_and_session_set' },
  origin_refused: {
    type: 'general_unknown_origin',
    message: 'Invalid Origin. List the origin of this page in the settings of its client.',
  },
  client_missing: {
    type: 'project_not_found',
    message: 'Project with the requested ID could not be found. Check the value of the X-Appwrite-Project header.',
  },
  user_missing: { type: 'user_not_found', message: 'User with the requested ID could not be found.' },
  session_missing: { type: 'user_session_not_found', message: 'The requested session could not be found.' },
  user_already_exists: { type: 'user_already_exists', message: 'A user with the same ID already exists.' },
  user_email_already_exists: { type: 'user_email_already_exists' },
  limit_exceeded: {
    type: 'general_rate_limit_exceeded',
    message: 'Rate limit for the current endpoint has been exceeded. Try again after some time.',
  },
};

/** What has no word of its own. */
function kindOf({ status, detail }: Trouble): Kind {
  if (status >= 500) return { type: 'general_server_error' };
  if (status === 404) return { type: 'general_route_not_found' };
  if (status === 401) return { type: 'user_unauthorized' };
  return { type: detail === undefined ? 'general_bad_request' : 'general_argument_invalid' };
}

/** `{message, code, type, version}`, with what is left of a limit beside it. */
export const customTokenEnvelope: Envelope = (trouble, { counted }) => {
  const kind = kinds[trouble.code] ?? kindOf(trouble);
  const { type, status = trouble.status, message = trouble.detail ?? trouble.says } = kind;
  const limits = counted && limitsOf(counted, Date.now());
  return {
    status,
    ...(limits && { headers: rateLimitHeaders(limits) }),
    body: { message, code: status, type, version, ...(status === 429 && limits) },
  };
};

/** Nobody with this scope is calling: guests, or a key that lacks it. */
export function missingScope(role: 'guests' | 'applications', scope: string): Fault {
  return new Fault('scope.missing', { detail: `User (role: ${role}) missing scopes [${scope}]` });
}

type Counted = NonNullable<FastifyRequest['counted']>;

/** @returns `reset` in seconds since 1970 */
export function limitsOf({ limit, remaining, resetsInSeconds }: Counted, nowMs: number) {
  return { limit, remaining, reset: Math.ceil(nowMs / 1000) + resetsInSeconds };
}

export function rateLimitHeaders({ limit, remaining, reset }: ReturnType<typeof limitsOf>): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(reset),
  };
}
