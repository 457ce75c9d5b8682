import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { ClientEntity } from './client.entity.js';

/** Guesses at the short secrets of one user, and which of them lives. */
@Entity('user_guesses')
@Index('user_guesses_live_until', ['liveUntil'])
export class UserGuessesEntity {
  @PrimaryColumn('text', { name: 'client_id', collation: 'C' })
  @ForeignKey(() => ClientEntity, { name: 'user_guesses_client_id_fkey' })
  clientId!: string;

  @PrimaryColumn('bytea', { name: 'user_hash' })
  userHash!: Buffer;

  @Column('uuid', { name: 'user_id' })
  userId!: string;

  /** The newest one, until it is spent; no other is accepted. */
  @Column('uuid', { name: 'token_id', nullable: true })
  tokenId!: string | null;

  /** When that one expires. */
  @Column('timestamptz', { name: 'live_until' })
  liveUntil!: Date;

  @Column('integer', { name: 'of_token', default: 0 })
  ofToken!: number;

  @Column('integer', { name: 'in_a_row', default: 0 })
  inARow!: number;

  /** Of the last day; what was right is taken out again. */
  @Column('timestamptz', { name: 'guessed_at', array: true, default: [] })
  guessedAt!: Date[];

  /** All that were ever evaluated, right ones too. */
  @Column('bigint', { default: 0 })
  evaluated!: string;
}
