import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ClientView, client } from '#contracts/client';
import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import { type Settings, settings as settingsSchema } from '#contracts/settings';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { newClientId } from '../domain/client-id.js';
import { fromCursor, toCursor } from '../domain/cursor.js';
import { linkSecretPlace, newLinkSecret } from '../domain/link-secret.js';
import { mergePatch } from '../domain/merge-patch.js';
import { type ClientRow, ClientStore } from '../store/client.store.js';
import { LinkSecretStore } from '../store/link-secret.store.js';
import { Vault } from '../vault.js';
import { KnownClients } from './known-clients.js';

/** Administration of clients. */
@Injectable()
export class Clients {
  constructor(
    private readonly postgres: Postgres,
    private readonly store: ClientStore,
    private readonly secrets: LinkSecretStore,
    private readonly known: KnownClients,
    private readonly vault: Vault,
    private readonly outbox: Outbox,
  ) {}

  /** A client comes with its first link secret. */
  async create({ name, settings }: Received<typeof client.create>): Promise<Reply<typeof client.create>> {
    const clientId = newClientId(randomBytes);
    const linkSecret = newLinkSecret(randomBytes);
    const { secretId, secret } = linkSecret;
    const sealed = this.vault.seal(secret, linkSecretPlace(clientId, secretId));
    const fields = ['name', ...changedSettings(settingsSchema.parse({}), settings)];

    const row = await this.postgres.transaction(async (tx) => {
      const created = await this.store.insert(tx, { clientId, name, settings });
      await this.secrets.insert(tx, { clientId, secretId, sealed });
      await this.outbox.write(tx, [
        { type: 'client.created', clientId, subject: `client/${clientId}`, body: { fields } },
        { type: 'link_secret.created', clientId, subject: `link_secret/${secretId}`, body: { secretId } },
      ]);
      return created;
    });
    this.changed(clientId);
    return { client: view(row), linkSecret };
  }

  async list({ limit, cursor }: Received<typeof client.list>): Promise<Reply<typeof client.list>> {
    const after = cursor === undefined ? '' : fromCursor(cursor);
    if (after === null) throw new Fault('cursor.invalid');
    const rows = await this.store.page(after, limit + 1);
    const items = rows.slice(0, limit).map(view);
    const last = items.at(-1);
    return { items, nextCursor: last && rows.length > limit ? toCursor(last.clientId) : null };
  }

  async read({ clientId }: Received<typeof client.read>): Promise<Reply<typeof client.read>> {
    const row = await this.store.find(clientId);
    return row && view(row);
  }

  /** Two are enough to tell none, one and several. */
  async listing(named: Received<typeof client.listing>): Promise<Reply<typeof client.listing>> {
    return { clientIds: await this.store.findListing(named, 2) };
  }

  /** One change at a time: a patch is merged into what the change before it left. */
  async update({ clientId, ...change }: Received<typeof client.update>): Promise<Reply<typeof client.update>> {
    const row = await this.postgres.transaction(async (tx) => {
      const before = await this.store.lock(tx, clientId);
      if (!before) throw new Fault('client.missing');
      const after = {
        clientId,
        name: change.name ?? before.name,
        status: change.status ?? before.status,
        settings: patched(before.settings, change.settings ?? {}),
      };
      const fields = changedFields(before, after);
      if (fields.length === 0 && after.status === before.status) return before;
      const updated = await this.store.update(tx, after);
      await this.outbox.write(tx, factsOf(before, updated, fields));
      return updated;
    });
    this.changed(clientId);
    return view(row);
  }

  private changed(clientId: string): void {
    this.known.drop(clientId);
    this.outbox.kick();
  }
}

function patched(stored: unknown, patch: Record<string, unknown>): Settings {
  const parsed = settingsSchema.safeParse(mergePatch(settingsSchema.parse(stored), patch));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`);
  throw new Fault('settings.invalid', { detail: problems.join('; ').slice(0, 1000) });
}

function changedSettings(before: Settings, after: Settings): string[] {
  const names = Object.keys(settingsSchema.shape) as (keyof Settings)[];
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `settings.${name}`);
}

function changedFields(before: ClientRow, after: { name: string; settings: Settings }): string[] {
  const settings = changedSettings(settingsSchema.parse(before.settings), after.settings);
  return [...(after.name === before.name ? [] : ['name']), ...settings];
}

function factsOf(before: ClientRow, { clientId, status, epoch }: ClientRow, fields: string[]): NewFact[] {
  const fact = { clientId, subject: `client/${clientId}` };
  const facts: NewFact[] = fields.length > 0 ? [{ ...fact, type: 'client.updated', body: { fields } }] : [];
  if (status === before.status) return facts;
  if (status === 'suspended') return [...facts, { ...fact, type: 'client.suspended', body: { epoch } }];
  return [...facts, { ...fact, type: 'client.restored', body: {} }];
}

function view({ clientId, name, status, settings, createdAt, updatedAt }: ClientRow): ClientView {
  return {
    clientId,
    name,
    status,
    settings: settingsSchema.parse(settings),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
