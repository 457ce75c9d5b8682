import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The least epoch that still holds for a subject; a session opened on an older answer is dead (state.md, "Epoch"). */
@Entity('epochs')
@Index('epochs_unsettled', ['raisedAt'], { where: 'settled_at IS NULL' })
@Index('epochs_mattering', ['mattersUntil', 'clientId', 'subject'])
export class EpochEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  /** The userId, `key_<id>`, or `client` for the client's own. */
  @PrimaryColumn({ name: 'subject', type: 'text' })
  subject!: string;

  @Column({ name: 'least_epoch', type: 'int' })
  leastEpoch!: number;

  @Column({ name: 'raised_at', type: 'timestamptz' })
  raisedAt!: Date;

  /** When every session it made stale was seen to be closed. */
  @Column({ name: 'settled_at', type: 'timestamptz', nullable: true })
  settledAt!: Date | null;

  /** Until when an access token of before could still live. */
  @Column({ name: 'matters_until', type: 'timestamptz' })
  mattersUntil!: Date;
}
