import type { Envelope } from '../http/manners.js';

const byCode: Readonly<Record<string, string>> = {
  grant_unsupported: 'unsupported_grant_type',
  totp_required: 'two_factor_auth_check',
};
const byStatus: Readonly<Record<number, string>> = {
  401: 'invalid_grant',
  403: 'access_denied',
  429: 'too_many_requests',
  500: 'server_error',
  503: 'temporarily_unavailable',
};

/** Errors of the token endpoint (RFC 6749 section 5.2): what is refused is 400 there. */
export const grantEnvelope: Envelope = ({ status, code, says, detail }) => ({
  status: status === 401 || status === 404 ? 400 : status,
  body: {
    error: byCode[code] ?? byStatus[status] ?? 'invalid_request',
    // Neither quotes nor backslashes are allowed in it.
    error_description: (detail ?? says).replaceAll('\\', '/').replaceAll('"', "'"),
  },
});

/** A refusal is a bare 401, which means "sign in again"; everything else is told as at the token endpoint. */
export const bareEnvelope: Envelope = (trouble, request) =>
  trouble.status === 401 ? {} : grantEnvelope(trouble, request);

/** The `ActionConfirmation` of protocol 004: `Status` is the status, and what is down is 500 there. */
export const confirmationEnvelope: Envelope = ({ status: ours, says, detail }) => {
  if (ours === 401) return {};
  const status = ours === 503 ? 500 : ours;
  const errors = [{ AttemptedValue: null, Message: detail ?? says, PropertyName: null }];
  return { status, body: { WasSuccessful: false, Value: null, Status: status, Message: says, Errors: errors } };
};
