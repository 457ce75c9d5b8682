import type { Envelope } from '../http/manners.js';

const errors: Readonly<Record<number, string>> = {
  401: 'invalid_client',
  403: 'access_denied',
  429: 'too_many_requests',
  500: 'server_error',
  503: 'temporarily_unavailable',
};

/** Errors in the form of RFC 6749 section 5.2, which RFC 7009 and RFC 7662 take over. */
export const oauthEnvelope: Envelope = ({ status, code, says, detail }, { headers }) => ({
  body: {
    error: code === 'token_unsupported' ? 'unsupported_token_type' : (errors[status] ?? 'invalid_request'),
    // Neither quotes nor backslashes are allowed in it.
    error_description: (detail ?? says).replaceAll('\\', '/').replaceAll('"', "'"),
  },
  // The scheme the client came with (section 5.2).
  ...(status === 401 && {
    headers: { 'www-authenticate': /^Bearer\b/i.test(headers.authorization ?? '') ? 'Bearer' : 'Basic realm="segue"' },
  }),
});
