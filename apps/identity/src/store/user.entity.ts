import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A person of one client. */
@Entity('users')
@Check('users_status', `status IN ('active', 'suspended', 'merged', 'erased')`)
@Check('users_placeholder', `(email_key IS NULL) = (email LIKE '%@placeholder.invalid')`)
@Check('users_anonymous', `(handle_hash IS NULL) = (anonymous_until IS NULL)`)
@Check('users_alias', `(status = 'merged') = (merged_into IS NOT NULL AND merged_into <> user_id)`)
@Check('users_gone', `status IN ('active', 'suspended') OR external_id IS NULL AND email_key IS NULL`)
@Index('users_external_id', ['clientId', 'externalId'], { unique: true })
@Index('users_email', ['clientId', 'emailKey'], { unique: true })
@Index('users_handle', ['clientId', 'handleHash'], { unique: true, where: 'handle_hash IS NOT NULL' })
@Index('users_unmerged', ['anonymousUntil'], { where: 'anonymous_until IS NOT NULL AND merged_into IS NULL' })
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
  status!: 'active' | 'suspended' | 'merged' | 'erased';

  @Column({ type: 'integer', default: 0 })
  epoch!: number;

  @Column({ name: 'claims_as_of', type: 'bigint', default: 0 })
  claimsAsOf!: string;

  @Column({ name: 'taken_links', type: 'text', array: true, default: [] })
  takenLinks!: string[];

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  /** SHA-256 of the handle of an anonymous account; kept once it is merged, so that a repeat is told from a theft. */
  @Column({ name: 'handle_hash', type: 'bytea', nullable: true })
  handleHash!: Buffer | null;

  @Column({ name: 'anonymous_until', type: 'timestamptz', nullable: true })
  anonymousUntil!: Date | null;

  /** Who an anonymous account is now, for ever: itself where it became a user, else who absorbed it. */
  @Column({ name: 'merged_into', type: 'uuid', nullable: true })
  mergedInto!: string | null;
}
