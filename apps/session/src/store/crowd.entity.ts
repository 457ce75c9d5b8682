import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The sessions of a subject by a protocol that allows it only so many. Whoever opens one holds this row and leaves the
 * time in it, so that such openings have an order, and each can tell whether it saw all those before it.
 */
@Entity('crowds')
@Index('crowds_forgettable', ['lastAt'])
export class CrowdEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  @PrimaryColumn({ name: 'subject', type: 'text' })
  subject!: string;

  @PrimaryColumn({ name: 'protocol', type: 'text' })
  protocol!: string;

  /** When the last one was opened. */
  @Column({ name: 'last_at', type: 'timestamptz' })
  lastAt!: Date;

  /** When the one before it was. */
  @Column({ name: 'previous_at', type: 'timestamptz', nullable: true })
  previousAt!: Date | null;
}
