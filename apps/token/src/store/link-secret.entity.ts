import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { ClientEntity } from './client.entity.js';

@Entity('link_secrets')
export class LinkSecretEntity {
  @PrimaryColumn('text', { name: 'client_id', collation: 'C' })
  @ForeignKey(() => ClientEntity, { name: 'link_secrets_client_id_fkey' })
  clientId!: string;

  @PrimaryColumn('text', { name: 'secret_id', collation: 'C' })
  secretId!: string;

  /** Under `SEAL_KEYS`, bound to client and id. */
  @Column('text')
  sealed!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  /** Its end, by rotation or deletion; `null` while nothing ends it. */
  @Column('timestamptz', { name: 'verifies_until', nullable: true })
  verifiesUntil!: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;
}
