import { ApiDefaultResponse } from '@nestjs/swagger';
import type { Envelope } from '../http/manners.js';

/** The names of RFC 6749 and RFC 6750, where they have one. */
const errors: Readonly<Record<string, string>> = {
  key_refused: 'invalid_client',
  epoch_stale: 'invalid_client',
  refresh_refused: 'invalid_grant',
  token_refused: 'invalid_token',
  token_expired: 'invalid_token',
  scope_missing: 'invalid_scope',
  account_suspended: 'access_denied',
  key_exposed: 'access_denied',
  origin_refused: 'access_denied',
  limit_exceeded: 'too_many_requests',
};

/** Protocol 002 names no errors, only statuses (400, 401, 403, 429, 500). */
export const clientAuthEnvelope: Envelope = ({ status, code, says, detail, outcome }) => {
  const error =
    errors[code] ?? (outcome ? 'temporarily_unavailable' : status < 500 ? 'invalid_request' : 'server_error');
  return {
    // The key was right, so its owner may know (002-5).
    ...(code === 'account_suspended' && { status: 403 }),
    body: { error, message: detail === undefined ? says : `${says} ${detail}` },
  };
};

export const ApiErrors = () =>
  ApiDefaultResponse({
    description: 'What went wrong, as protocol 002 tells it',
    schema: {
      type: 'object',
      required: ['error', 'message'],
      properties: {
        error: {
          type: 'string',
          description: 'stable; decide by this',
          enum: [...new Set([...Object.values(errors), 'invalid_request', 'temporarily_unavailable', 'server_error'])],
        },
        message: { type: 'string' },
      },
    },
  });
