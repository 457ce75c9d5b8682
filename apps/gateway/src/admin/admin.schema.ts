import { z } from 'zod';
import { audit } from '#contracts/audit';
import { client } from '#contracts/client';
import { user } from '#contracts/identity';
import { clientId, keyId, page, secretId, sessionId, userId } from '#contracts/ids';

/** A query carries text. */
const pageQuery = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(200))
    .optional()
    .describe('1..200, default 50'),
  cursor: page.shape.cursor,
};

export const clientPath = z.object({ clientId });
export const secretPath = z.object({ clientId, secretId });
export const keyPath = z.object({ clientId, keyId });
export const userPath = z.object({ clientId, userId });
export const sessionPath = z.object({ clientId, userId, sessionId });

export const listQuery = z.strictObject(pageQuery);
export const userQuery = user.list.request.omit({ clientId: true }).extend(pageQuery);
export const auditQuery = audit.list.request.extend(pageQuery);
export const auditVerifyQuery = audit.verify.request;

export const newClient = client.create.request;
export const changedClient = client.update.request.omit({ clientId: true });
export const newLinkSecret = client.createLinkSecret.request.omit({ clientId: true }).prefault({});
export const newApiKey = client.createApiKey.request.omit({ clientId: true });
export const rotatedApiKey = client.rotateApiKey.request.omit({ clientId: true, keyId: true }).prefault({});
export const newUser = user.create.request.omit({ clientId: true });
export const changedUser = user.update.request.omit({ clientId: true, userId: true });

export const createdClient = client.create.reply.shape.client.extend({
  linkSecret: client.create.reply.shape.linkSecret,
});
