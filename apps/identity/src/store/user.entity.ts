import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A person of one client. */
@Entity('users')
@Check('users_status', `status IN ('active', 'suspended')`)
@Check('users_placeholder', `(email_key IS NULL) = (email LIKE '%@placeholder.invalid')`)
@Index('users_external_id', ['clientId', 'externalId'], { unique: true })
@Index('users_email', ['clientId', 'emailKey'], { unique: true })
export class UserEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @PrimaryColumn({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'external_id', type: 'text', collation: 'C', nullable: true })
  externalId!: string | null;

  @Column({ type: 'text' })
  email!: string;

  @Column({ name: 'email_key', type: 'text', collation: 'C', nullable: true })
  emailKey!: string | null;

  @Column({ type: 'text' })
  username!: string;

  @Column({ type: 'text' })
  locale!: string;

  @Column({ type: 'text', default: 'active' })
  status!: 'active' | 'suspended';

  @Column({ type: 'integer', default: 0 })
  epoch!: number;

  @Column({ name: 'claims_as_of', type: 'bigint', default: 0 })
  claimsAsOf!: string;

  @Column({ name: 'taken_links', type: 'text', array: true, default: [] })
  takenLinks!: string[];

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
