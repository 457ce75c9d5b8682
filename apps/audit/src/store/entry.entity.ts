import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

/** One fact at its place in the chain of its client; the table refuses every change. */
@Entity('entries')
@Unique('entries_fact', ['factId', 'clientId'])
@Index('entries_type', ['clientId', 'type', 'seq'])
@Index('entries_user', { synchronize: false })
@Index('entries_merged_from', { synchronize: false })
@Index('entries_merged_into', { synchronize: false })
@Index('entries_supports', { synchronize: false })
@Index('entries_trace', { synchronize: false })
@Index('entries_at', ['at'])
export class EntryEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @PrimaryColumn({ name: 'seq', type: 'bigint' })
  seq!: string;

  @Column({ name: 'fact_id', type: 'text', collation: 'C' })
  factId!: string;

  @Column({ name: 'type', type: 'text', collation: 'C' })
  type!: string;

  @Column({ name: 'subject', type: 'text' })
  subject!: string;

  @Column({ name: 'at', type: 'timestamptz', precision: 3 })
  at!: Date;

  @Column({ name: 'traceparent', type: 'text', nullable: true })
  traceparent!: string | null;

  @Column({ name: 'body', type: 'jsonb' })
  body!: Record<string, unknown>;

  @Column({ name: 'previous', type: 'bytea' })
  previous!: Buffer;

  @Column({ name: 'hash', type: 'bytea' })
  hash!: Buffer;
}
