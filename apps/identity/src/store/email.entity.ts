import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who may bear an e-mail within a client. */
@Entity('emails')
export class EmailEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @PrimaryColumn({ type: 'text', collation: 'C' })
  email!: string;

  @Column({ type: 'text', collation: 'C' })
  owner!: string;
}
