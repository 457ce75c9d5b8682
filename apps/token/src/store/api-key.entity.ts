import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { ClientEntity } from './client.entity.js';

@Entity('api_keys')
@Check('api_keys_kind_check', `kind IN ('private', 'public')`)
@Index('api_keys_deleted', ['clientId', 'keyId'], { where: 'deleted_at IS NOT NULL' })
export class ApiKeyEntity {
  @PrimaryColumn('text', { name: 'client_id', collation: 'C' })
  @ForeignKey(() => ClientEntity, { name: 'api_keys_client_id_fkey' })
  clientId!: string;

  @PrimaryColumn('text', { name: 'key_id', collation: 'C' })
  keyId!: string;

  @Column('text')
  name!: string;

  @Column('text')
  kind!: 'private' | 'public';

  /** SHA-256 of the whole key. */
  @Column('bytea')
  digest!: Buffer;

  @Column('text', { array: true })
  scopes!: string[];

  /** Raised by deletion. */
  @Column('integer', { default: 0 })
  epoch!: number;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** The end of the overlap once a successor exists. */
  @Column('timestamptz', { name: 'rotated_until', nullable: true })
  rotatedUntil!: Date | null;

  @Column('timestamptz', { name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;
}
