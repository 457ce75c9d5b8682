import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { client } from '#contracts/client';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { linkSecretPlace, newLinkSecret } from '../domain/link-secret.js';
import { ClientStore } from '../store/client.store.js';
import { type LinkSecretRow, LinkSecretStore } from '../store/link-secret.store.js';
import { Vault } from '../vault.js';
import { KnownClients } from './known-clients.js';

const mostVerifying = 2;
const forgetEveryMs = 3_600_000;

/** Administration of link secrets: rotation with overlap, at most two verify at once (S-27). */
@Injectable()
export class LinkSecrets implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly postgres: Postgres,
    private readonly clients: ClientStore,
    private readonly store: LinkSecretStore,
    private readonly known: KnownClients,
    private readonly vault: Vault,
    private readonly outbox: Outbox,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.forgetEnded(), forgetEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** The client's row is locked first, so of many at once only the first finds room. */
  async create(request: Received<typeof client.createLinkSecret>): Promise<Reply<typeof client.createLinkSecret>> {
    const { clientId, overlapSeconds } = request;
    const created = newLinkSecret(randomBytes);
    const { secretId, secret } = created;
    const sealed = this.vault.seal(secret, linkSecretPlace(clientId, secretId));

    await this.postgres.transaction(async (tx) => {
      if (!(await this.clients.lock(tx, clientId))) throw new Fault('client.missing');
      const verifying = await this.store.listVerifying(clientId, tx);
      if (verifying.length >= mostVerifying) throw new Fault('rotation.in_progress');
      await this.store.endVerifying(tx, clientId, overlapSeconds);
      await this.store.insert(tx, { clientId, secretId, sealed });
      await this.outbox.write(tx, [
        { type: 'link_secret.created', clientId, subject: `link_secret/${secretId}`, body: { secretId } },
      ]);
    });
    this.changed(clientId);
    return created;
  }

  async list({ clientId }: Received<typeof client.listLinkSecrets>): Promise<Reply<typeof client.listLinkSecrets>> {
    const rows = await this.store.listVerifying(clientId);
    if (rows.length === 0 && !(await this.clients.find(clientId))) throw new Fault('client.missing');
    return { items: rows.map(view) };
  }

  /** Ends one secret at once; the other keeps the end it has. */
  async delete({ clientId, secretId }: Received<typeof client.deleteLinkSecret>): Promise<null> {
    await this.postgres.transaction(async (tx) => {
      if (!(await this.store.end(tx, clientId, secretId))) throw new Fault('secret.missing');
      await this.outbox.write(tx, [
        { type: 'link_secret.revoked', clientId, subject: `link_secret/${secretId}`, body: { secretId } },
      ]);
    });
    this.changed(clientId);
    return null;
  }

  private changed(clientId: string): void {
    this.known.drop(clientId);
    this.outbox.kick();
  }

  private async forgetEnded(): Promise<void> {
    try {
      await this.store.forgetEnded();
    } catch (error) {
      this.log.warn('ended link secrets were not forgotten', { err: error });
    }
  }
}

function view({ secretId, createdAt, verifiesUntil, lastUsedAt }: LinkSecretRow) {
  return {
    secretId,
    createdAt: createdAt.toISOString(),
    verifiesUntil: verifiesUntil?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
