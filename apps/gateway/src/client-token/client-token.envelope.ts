import { ApiDefaultResponse } from '@nestjs/swagger';
import type { Envelope } from '../http/manners.js';

/** Protocol 001 tells of errors as `{message}`; an SDK learns by `code` that its own token has only expired (001-13). */
export const clientTokenEnvelope: Envelope = ({ code, says, detail }) => ({
  // The key was right, so its owner may know.
  ...(code === 'account_suspended' && { status: 403 }),
  body: {
    message: detail === undefined ? says : `${says} ${detail}`,
    ...(code === 'token_expired' && { code }),
  },
});

export const ApiMessages = () =>
  ApiDefaultResponse({
    description: 'What went wrong, as protocol 001 tells it',
    schema: {
      type: 'object',
      required: ['message'],
      properties: { message: { type: 'string' }, code: { type: 'string', enum: ['token_expired'] } },
    },
  });
