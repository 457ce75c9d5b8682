import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A fact that could not be recorded, whole, so that it can be stated again once the cause is mended. */
@Entity('dead_facts')
export class DeadFactEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  /** SHA-256 of `fact`. */
  @PrimaryColumn({ name: 'digest', type: 'bytea' })
  digest!: Buffer;

  @Column({ name: 'fact', type: 'text' })
  fact!: string;

  @Column({ name: 'problem', type: 'text' })
  problem!: string;

  @Column({ name: 'at', type: 'timestamptz', default: () => 'now()' })
  at!: Date;
}
