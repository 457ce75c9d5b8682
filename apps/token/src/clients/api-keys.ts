import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { apiKeyView, client } from '#contracts/client';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import { settings } from '#contracts/settings';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { cappedScopes, newApiKey } from '../domain/api-key.js';
import { type ApiKeyRow, ApiKeyStore } from '../store/api-key.store.js';
import { ClientStore } from '../store/client.store.js';
import { KnownApiKeys } from './known-api-keys.js';

/** Administration of API keys: hashed, shown once, rotated with overlap. */
@Injectable()
export class ApiKeys {
  constructor(
    private readonly postgres: Postgres,
    private readonly clients: ClientStore,
    private readonly store: ApiKeyStore,
    private readonly known: KnownApiKeys,
    private readonly outbox: Outbox,
  ) {}

  async create(request: Received<typeof client.createApiKey>): Promise<Reply<typeof client.createApiKey>> {
    const { clientId, name, kind } = request;
    const owner = await this.clients.find(clientId);
    if (!owner) throw new Fault('client.missing');
    const scopes = [...new Set(request.scopes)];
    refuseBeyond(settings.parse(owner.settings).scopes, scopes);
    const expiresAt = request.expiresAt === undefined ? null : inFuture(new Date(request.expiresAt));

    const { key, keyId, digest } = newApiKey(kind, clientId, randomBytes);
    const row = await this.postgres.transaction(async (tx) => {
      const created = await this.store.insert(tx, { clientId, keyId, name, kind, digest, scopes, expiresAt });
      await this.outbox.write(tx, [{ type: 'key.created', clientId, subject: `key/${keyId}`, body: { keyId, kind } }]);
      return created;
    });
    this.changed(clientId, keyId);
    return { ...view(row), key };
  }

  async list({ clientId }: Received<typeof client.listApiKeys>): Promise<Reply<typeof client.listApiKeys>> {
    const rows = await this.store.list(clientId);
    if (rows.length === 0 && !(await this.clients.find(clientId))) throw new Fault('client.missing');
    return { items: rows.map(view) };
  }

  /** The successor has everything of the old key but its secret; the old one ends with the overlap. */
  async rotate(request: Received<typeof client.rotateApiKey>): Promise<Reply<typeof client.rotateApiKey>> {
    const { clientId, keyId, overlapSeconds } = request;
    const { key, row } = await this.postgres.transaction(async (tx) => {
      const old = await this.store.lockAlive(tx, clientId, keyId);
      if (!old) throw new Fault('key.missing');
      const { name, kind, scopes, expiresAt } = old;
      const successor = newApiKey(kind, clientId, randomBytes);
      const { digest } = successor;
      await this.store.endAfterOverlap(tx, clientId, keyId, overlapSeconds);
      const created = await this.store.insert(tx, {
        ...{ clientId, keyId: successor.keyId, name, kind, digest, scopes, expiresAt },
      });
      await this.outbox.write(tx, [
        { type: 'key.rotated', clientId, subject: `key/${keyId}`, body: { keyId, successor: successor.keyId } },
        { type: 'key.created', clientId, subject: `key/${successor.keyId}`, body: { keyId: successor.keyId, kind } },
      ]);
      return { key: successor.key, row: created };
    });
    this.changed(clientId, keyId);
    return { ...view(row), key };
  }

  async delete({ clientId, keyId }: Received<typeof client.deleteApiKey>): Promise<null> {
    await this.postgres.transaction(async (tx) => {
      const epoch = await this.store.delete(tx, clientId, keyId);
      if (epoch === null) throw new Fault('key.missing');
      await this.outbox.write(tx, [{ type: 'key.deleted', clientId, subject: `key/${keyId}`, body: { keyId, epoch } }]);
    });
    this.changed(clientId, keyId);
    return null;
  }

  private changed(clientId: string, keyId: string): void {
    this.known.drop(clientId, keyId);
    this.outbox.kick();
  }
}

function refuseBeyond(cap: readonly string[], scopes: readonly string[]): void {
  if (cappedScopes(scopes, cap).length === scopes.length) return;
  throw new Fault('request.invalid', { detail: "scopes: beyond the client's settings.scopes" });
}

function inFuture(expiresAt: Date): Date {
  if (expiresAt.getTime() > Date.now()) return expiresAt;
  throw new Fault('request.invalid', { detail: 'expiresAt: must lie in the future' });
}

function view({ expiresAt, rotatedUntil, ...row }: ApiKeyRow): z.output<typeof apiKeyView> {
  const ends = [expiresAt, rotatedUntil].filter((end) => end !== null).map((end) => end.getTime());
  return {
    keyId: row.keyId,
    name: row.name,
    kind: row.kind,
    scopes: row.scopes,
    createdAt: row.createdAt.toISOString(),
    expiresAt: ends.length > 0 ? new Date(Math.min(...ends)).toISOString() : null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
