import { ApiDefaultResponse } from '@nestjs/swagger';

const schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'traceId'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable; decide by this' },
    detail: { type: 'string', description: 'paths and rules of what is not valid' },
    outcome: { type: 'string', enum: ['not_executed', 'unknown'], description: 'with 503 only' },
    traceId: { type: 'string' },
  },
};

/** How every failure of our own routes looks in the OpenAPI document. */
export const ApiProblems = () =>
  ApiDefaultResponse({
    description: 'Problem details (RFC 9457)',
    content: { 'application/problem+json': { schema } },
  });
