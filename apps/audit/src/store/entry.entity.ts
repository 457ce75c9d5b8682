import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One fact at its place in the chain of its client; never changed (see the migrations for what enforces it). */
@Entity('entries')
@Index('entries_fact', ['clientId', 'factId'], { unique: true })
@Index('entries_type', ['clientId', 'type', 'seq'])
export class EntryEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  @PrimaryColumn({ type: 'bigint' })
  seq!: string;

  @Column({ name: 'fact_id', type: 'text' })
  factId!: string;

  @Column({ type: 'text' })
  type!: string;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  at!: Date;

  @Column({ type: 'text', nullable: true })
  traceparent!: string | null;

  @Column({ type: 'jsonb' })
  body!: Record<string, unknown>;

  @Column({ type: 'bytea' })
  previous!: Buffer;

  @Column({ type: 'bytea' })
  hash!: Buffer;
}
