import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import specs from '@asyncapi/specs';
import { describe, expect, it } from '@jest/globals';
import { Ajv, type AnySchema } from 'ajv';
import { toCloudEvent } from '#bus/cloud-event';
import { type Fact, type FactBody, type FactType, factSubject, facts } from '#contracts/fact';

interface Document {
  readonly info: { readonly version: string };
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly operations: Readonly<Record<string, { readonly action: string; readonly channel: object }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly headers: object; readonly payload: object }>>;
    readonly schemas: object;
  };
}

const session = { sessionId: '0199d1c2-5', userId: '0199d1c2-1', protocol: 'api-link' } as const;
const refused = { address: 'k3Jd0', support: 'SUP-4ZK9', count: 2, supports: ['SUP-4ZK9', 'SUP-7QX1'] };

/** A body of each type, every optional member included. */
const bodies: { readonly [T in FactType]: FactBody<T> } = {
  'link.accepted': {
    support: 'SUP-4ZK9',
    userId: '0199d1c2-1',
    sessionId: '0199d1c2-5',
    secretId: 'abcdefghijkl',
    callback: 'taken',
    address: 'k3Jd0',
  },
  'link.refused': { ...refused, reason: 'signature', userId: '0199d1c2-1' },
  'user.created': { userId: '0199d1c2-1', fields: ['email', 'locale'] },
  'user.updated': { userId: '0199d1c2-1', fields: [] },
  'user.email_contested': { userId: '0199d1c2-1', support: 'SUP-4ZK9' },
  'user.merged': { from: '0199d1c2-1', into: '0199d1c2-2', epoch: 3 },
  'user.merge_refused': { userId: '0199d1c2-1', support: 'SUP-4ZK9', reason: 'merged_elsewhere' },
  'user.suspended': { userId: '0199d1c2-1', epoch: 1 },
  'user.password_changed': { userId: '0199d1c2-1', epoch: 2, change: 'set' },
  'user.restored': { userId: '0199d1c2-1' },
  'user.unlocked': { userId: '0199d1c2-1' },
  'user.erased': { userId: '0199d1c2-1', epoch: 2 },
  'password.refused': { ...refused, reason: 'totp_wrong', userId: '0199d1c2-1' },
  'token.issued': {
    tokenId: '0199d1c2-9',
    kind: 'sdk',
    subject: 'key_abcdefghijkl',
    expiresAt: '2026-01-31T12:00:00.000Z',
  },
  'token.locked': { tokenId: 'abcdefghijkl', userId: '0199d1c2-1', scope: 'user', until: '2026-01-31T12:00:00.000Z' },
  'token.offered': { tokenId: 'abcdefghijkl', userId: '0199d1c2-1', purpose: 'landing' },
  'token.claimed': { tokenId: 'abcdefghijkl', userId: '0199d1c2-1', purpose: 'landing' },
  'token.claim_failed': { ...refused, purpose: 'landing', reason: 'spent' },
  'session.opened': { ...session, expiresAt: '2026-01-31T12:00:00.000Z' },
  'session.refreshed': { ...session, generation: 4 },
  'session.refresh_refused': { ...refused, reason: 'other_app', sessionId: '0199d1c2-5' },
  'session.reuse_detected': { ...session, generation: 4, address: 'k3Jd0' },
  'session.closed': { ...session, reason: 'signed_out' },
  'client.created': { fields: ['name'] },
  'client.updated': { fields: ['landingUrl'] },
  'client.suspended': { epoch: 1 },
  'client.restored': {},
  'link_secret.created': { secretId: 'abcdefghijkl' },
  'link_secret.revoked': { secretId: 'abcdefghijkl' },
  'signing_key.rotated': { kid: 'k1', successor: 'k2' },
  'key.created': { keyId: 'abcdefghijkl', kind: 'private' },
  'key.rotated': { keyId: 'abcdefghijkl', successor: 'mnopqrstuvwx' },
  'key.deleted': { keyId: 'abcdefghijkl', epoch: 1 },
  'key.refused': { reason: 'secret', address: 'k3Jd0', count: 3 },
  'request.denied': { route: '/v1/session', reason: 'limit', address: 'k3Jd0', count: 7 },
};
const types = Object.keys(facts) as FactType[];

const read = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, '../../..', path), 'utf8'));
const withoutMember = (of: object, name: string) =>
  Object.fromEntries(Object.entries(of).filter(([each]) => each !== name));

/** That it follows from the contracts as they are now is what `npm run check` compares. */
describe('docs/asyncapi.json', () => {
  const document: Document = read('docs/asyncapi.json');
  const lenient = { strict: false, validateFormats: false, allErrors: true };
  const ajv = new Ajv(lenient);
  const errorsOf = (schema: AnySchema, value: unknown, by = ajv) => (by.validate(schema, value) ? [] : by.errors);
  const schemaOf = (type: FactType, part: 'headers' | 'payload'): AnySchema => ({
    components: { schemas: document.components.schemas },
    ...document.components.messages[type]![part],
  });

  it('is an AsyncAPI 3.0 document, by the schema of AsyncAPI', () => {
    // That schema brings the schema of schemas with it.
    const bare = new Ajv({ ...lenient, meta: false, validateSchema: false });
    const schema = specs.schemas['3.0.0'] as AnySchema;
    expect(errorsOf(schema, document, bare)).toEqual([]);
    expect(errorsOf(schema, { ...document, channels: [] }, bare)).not.toEqual([]);
    expect(errorsOf(schema, { ...document, asyncapi: '2.6.0' }, bare)).not.toEqual([]);
    const operation = { ...document.operations['user.merged'], action: 'publish' };
    expect(errorsOf(schema, { ...document, operations: { operation } }, bare)).not.toEqual([]);
  });

  it('refers to nothing that is missing', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
    expect(refs.length).toBeGreaterThan(types.length);
    const at = (path: string) =>
      path.split('/').reduce<unknown>((in_, name) => (in_ as Record<string, unknown> | undefined)?.[name], document);
    expect(refs.filter((path) => at(path) === undefined)).toEqual([]);
  });

  it('has channel, message and sending operation of each type of fact, where it is published', () => {
    expect(document.info.version).toBe(read('package.json').version);
    expect(Object.keys(document.components.messages)).toEqual(types);
    expect(Object.entries(document.channels).map(([type, { address }]) => [type, address])).toEqual(
      types.map((type) => [type, factSubject({ clientId: '{clientId}', type })]),
    );
    expect(Object.entries(document.operations).map(([type, { action, channel }]) => [type, action, channel])).toEqual(
      types.map((type) => [type, 'send', { $ref: `#/channels/${type}` }]),
    );
  });

  it.each(types)('describes the headers of %s', (type) => {
    const fact: Fact = {
      id: '0199d1c2-7a3e-7b10-9f2d-3c5a8e1b4d60',
      type,
      clientId: 'acme0001',
      subject: 'user/0199d1c2-1',
      at: '2026-01-31T12:00:00.000Z',
      traceparent: null,
      body: bodies[type],
    };
    const [, ...lines] = toCloudEvent(fact, 'identity').head.trimEnd().split('\r\n');
    const sent: Record<string, string> = Object.fromEntries(lines.map((line) => line.split(': ', 2)));
    const schema = schemaOf(type, 'headers');
    expect(errorsOf(schema, sent)).toEqual([]);
    for (const name of Object.keys(sent)) expect(errorsOf(schema, withoutMember(sent, name))).not.toEqual([]);
    expect(errorsOf(schema, { ...sent, 'ce-type': 'another.type' })).not.toEqual([]);
  });

  it.each(types)('describes the body of %s, member by member', (type) => {
    const schema = schemaOf(type, 'payload');
    const body = bodies[type];
    expect(facts[type].parse(body)).toEqual(body);
    expect(errorsOf(schema, body)).toEqual([]);
    expect(errorsOf(schema, { ...body, further: true })).not.toEqual([]);
    for (const name of Object.keys(body)) {
      const without = withoutMember(body, name);
      const mayBeAway = facts[type].safeParse(without).success;
      expect([name, errorsOf(schema, without)?.length === 0]).toEqual([name, mayBeAway]);
      expect(errorsOf(schema, { ...body, [name]: { of: 'another form' } })).not.toEqual([]);
    }
  });

  it('knows the reasons there are', () => {
    const body = { ...bodies['link.refused'], reason: 'invented' };
    expect(errorsOf(schemaOf('link.refused', 'payload'), body)).not.toEqual([]);
  });
});
