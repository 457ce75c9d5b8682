import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The head of a client's chain: how long it is, and the hash of its newest entry. */
@Entity('chains')
export class ChainEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @Column({ name: 'seq', type: 'bigint' })
  seq!: string;

  @Column({ name: 'hash', type: 'bytea' })
  hash!: Buffer;
}
