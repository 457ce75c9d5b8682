import { z } from 'zod';
import { clientId, instant, keyId, page, secretId, text } from './ids.js';
import { service } from './service.js';
import { settings, webOrigin } from './settings.js';

const status = z.enum(['active', 'suspended']);
const scope = z.string().regex(/^[a-z][a-z0-9_.:-]{0,63}$/);
const overlapSeconds = z.int().min(0).max(604_800).default(86_400);

export const clientView = z.strictObject({
  clientId,
  name: z.string(),
  status,
  settings,
  createdAt: instant,
  updatedAt: instant,
});
export type ClientView = z.infer<typeof clientView>;

const linkSecretView = z.strictObject({
  secretId,
  createdAt: instant,
  /** When it stops verifying; `null` = until it is replaced or deleted. */
  verifiesUntil: instant.nullable(),
  lastUsedAt: instant.nullable(),
});
/** The secret is shown in this answer only; afterwards it exists sealed. */
const newLinkSecret = z.strictObject({ secretId, secret: z.string() });

const apiKeyKind = z.enum(['private', 'public']);
export const apiKeyView = z.strictObject({
  keyId,
  name: z.string(),
  kind: apiKeyKind,
  scopes: z.array(scope),
  createdAt: instant,
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
});
/** The key is shown in this answer only; afterwards only its SHA-256 exists. */
const newApiKey = z.strictObject({ ...apiKeyView.shape, key: z.string() });

/** Administration of clients, their link secrets and API keys; served by token (http-api.md, Admin). */
export const client = service('client', {
  create: {
    request: z.strictObject({ name: text(100), settings: settings.prefault({}) }),
    reply: z.strictObject({ client: clientView, linkSecret: newLinkSecret }),
    faults: [],
  },
  list: {
    request: page,
    reply: z.strictObject({ items: z.array(clientView), nextCursor: z.string().nullable() }),
    faults: ['cursor.invalid'],
  },
  read: { request: z.strictObject({ clientId: z.string().max(128) }), reply: clientView.nullable(), faults: [] },
  /**
   * Which active clients list a host (`settings.hosts`), or a web origin as one of their own (`webOrigins`); two at the
   * most, which is enough to tell none, one and several.
   */
  listing: {
    request: z.union([z.strictObject({ host: z.string().max(255) }), z.strictObject({ origin: webOrigin })]),
    reply: z.strictObject({ clientIds: z.array(clientId).max(2) }),
    faults: [],
  },
  /** `settings` is a JSON Merge Patch (RFC 7396): `null` returns a member to its default. */
  update: {
    request: z.strictObject({
      clientId,
      name: text(100).optional(),
      status: status.optional(),
      settings: z.record(z.string(), z.unknown()).optional(),
    }),
    reply: clientView,
    faults: ['client.missing', 'settings.invalid'],
  },

  createLinkSecret: {
    /** The secrets that verify now stop at the latest `overlapSeconds` from now; none is ever extended. */
    request: z.strictObject({ clientId, overlapSeconds }),
    reply: newLinkSecret,
    faults: ['client.missing', 'rotation.in_progress'],
  },
  listLinkSecrets: {
    request: z.strictObject({ clientId }),
    reply: z.strictObject({ items: z.array(linkSecretView) }),
    faults: ['client.missing'],
  },
  /** At once, whatever overlap was promised. */
  deleteLinkSecret: { request: z.strictObject({ clientId, secretId }), reply: z.null(), faults: ['secret.missing'] },

  createApiKey: {
    request: z.strictObject({
      clientId,
      name: text(100),
      kind: apiKeyKind,
      scopes: z.array(scope).max(64),
      expiresAt: z.iso.datetime({ offset: true }).optional(),
    }),
    reply: newApiKey,
    faults: ['client.missing', 'request.invalid'],
  },
  listApiKeys: {
    request: z.strictObject({ clientId }),
    reply: z.strictObject({ items: z.array(apiKeyView) }),
    faults: ['client.missing'],
  },
  /** A successor with the same name, kind, scopes and expiry; the old key ends `overlapSeconds` from now at the latest. */
  rotateApiKey: {
    request: z.strictObject({ clientId, keyId, overlapSeconds }),
    reply: newApiKey,
    faults: ['key.missing'],
  },
  deleteApiKey: { request: z.strictObject({ clientId, keyId }), reply: z.null(), faults: ['key.missing'] },
});
