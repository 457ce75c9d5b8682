import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { inRoot } from '../launcher/paths.mjs';
import { sampleHeaders } from './events.mjs';
import { built } from './page.mjs';

const ref = (...path) => ({ $ref: `#/${path.join('/')}` });

/** What an internal service may hear, as AsyncAPI 3.0: one channel and one message a type of fact. */
export async function asyncapi() {
  const { facts, factSubject } = await built('libs/contracts/src/fact.js');
  const { version, license } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  const types = Object.keys(facts);
  const each = (make) => Object.fromEntries(types.map((type) => [type, make(type)]));
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Segue: facts',
      version,
      description:
        'What happened, in the past tense, on the JetStream stream FACTS: CloudEvents 1.0 in the binary mode of their NATS binding. A fact arrives at least once, so consumers are idempotent by `ce-id`; order holds within one `ce-subject`. The payloads are exactly those of this version. A later one may bring new types and new members, so a consumer ignores what it does not know.',
      license: { name: license },
      externalDocs: {
        url: 'https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/nats-protocol-binding.md',
      },
    },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: '{host}:{port}',
        protocol: 'nats',
        description: 'The NATS of the installation (`NATS_URL`)',
        variables: { host: { default: '127.0.0.1' }, port: { default: '4222' } },
      },
    },
    channels: each((type) => ({
      address: factSubject({ clientId: '{clientId}', type }),
      parameters: { clientId: ref('components', 'parameters', 'clientId') },
      messages: { [type]: ref('components', 'messages', type) },
    })),
    // From where Segue stands: it sends, and whoever follows receives.
    operations: each((type) => ({
      action: 'send',
      channel: ref('channels', type),
      summary: facts[type].description,
      messages: [ref('channels', type, 'messages', type)],
    })),
    components: {
      parameters: { clientId: { description: 'Whose user, session or key it is; `_` where the client is not known' } },
      messages: each((type) => ({
        name: type,
        summary: facts[type].description,
        contentType: 'application/json',
        headers: {
          allOf: [
            ref('components', 'schemas', 'headers'),
            { type: 'object', properties: { 'ce-type': { type: 'string', const: type } } },
          ],
        },
        payload: payloadOf(facts[type]),
      })),
      schemas: { headers: await headers() },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

async function headers() {
  const rows = await sampleHeaders();
  return {
    type: 'object',
    // The one header that only a fact caused by a request carries.
    required: rows.map(({ name }) => name).filter((name) => name !== 'ce-traceparent'),
    properties: Object.fromEntries(
      rows.map(({ name, example, meaning }) => [name, { type: 'string', description: meaning, examples: [example] }]),
    ),
  };
}

/** Exactly what is sent; nobody needs to be told that integers have limits. */
function payloadOf(schema) {
  const { $schema: _, ...payload } = z.toJSONSchema(schema, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return payload;
}
