import { applyDecorators } from '@nestjs/common';
import { ApiDefaultResponse, ApiHeader, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Manners } from '../http/manners.js';
import { customTokenEnvelope } from './custom-token.envelope.js';

/** No key among them: a private key does not belong in a browser. */
const sent = ['project', 'session', 'jwt', 'locale', 'mode', 'response-format'];
const program = ['name', 'platform', 'language', 'version', 'graphql'];

const failure = z
  .object({
    message: z.string(),
    code: z.int().describe('the HTTP status'),
    type: z.string().describe('stable; decide by this'),
    version: z.string(),
  })
  .meta({ id: 'CustomTokenFailure' });

/** How all routes of the family behave. */
export const CustomTokenManners = () =>
  Manners({
    envelope: customTokenEnvelope,
    crossOrigin: {
      sends: [
        ...sent.flatMap((name) => [`x-appwrite-${name}`, `x-nuvix-${name}`]),
        ...program.map((name) => `x-sdk-${name}`),
        'x-fallback-cookies',
      ],
      sees: ['x-fallback-cookies', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
    },
  });

/** How they read in the OpenAPI document. */
export const ApiCustomToken = () =>
  applyDecorators(
    ApiTags('003 Custom token'),
    ApiHeader({ name: 'X-Appwrite-Project', description: 'the `clientId`; also `X-Nuvix-Project` and `?project=`' }),
    ApiDefaultResponse({ description: 'What went wrong', standardSchema: failure }),
  );
