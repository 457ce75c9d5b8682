import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { ClientEntity } from './client.entity.js';

/** Guesses at the short secrets of all users of a client. */
@Entity('client_guesses')
export class ClientGuessesEntity {
  @PrimaryColumn('text', { name: 'client_id', collation: 'C' })
  @ForeignKey(() => ClientEntity, { name: 'client_guesses_client_id_fkey' })
  clientId!: string;

  /** Of the last day; what was right is taken out again. */
  @Column('timestamptz', { name: 'guessed_at', array: true, default: [] })
  guessedAt!: Date[];

  /** All that were ever evaluated, right ones too. */
  @Column('bigint', { default: 0 })
  evaluated!: string;
}
