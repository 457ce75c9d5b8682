import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The least epoch that still holds for a subject; a session opened on an older answer is dead (state.md, "Epoch"). */
@Entity('epochs')
export class EpochEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  @PrimaryColumn({ name: 'subject', type: 'text' })
  subject!: string;

  @Column({ name: 'least_epoch', type: 'int' })
  leastEpoch!: number;
}
