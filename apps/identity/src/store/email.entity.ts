import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who may bear an e-mail within a client. */
@Entity('emails')
export class EmailEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  @PrimaryColumn({ type: 'text' })
  email!: string;

  @Column({ type: 'text' })
  owner!: string;
}
