import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Whose links from before are refused, without saying who it was. */
@Entity('erased')
export class ErasedEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  /** SHA-256 of the externalId. */
  @PrimaryColumn({ name: 'external_id_hash', type: 'bytea' })
  externalIdHash!: Buffer;

  /** Seconds. */
  @Column({ name: 'erased_at', type: 'bigint' })
  erasedAt!: string;
}
