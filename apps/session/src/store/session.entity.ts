import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Session } from '../domain/session.js';

/** A session and the one row that its refresh chain is. */
@Entity('sessions')
@Index('sessions_by_origin', ['clientId', 'origin'], { unique: true, where: 'origin IS NOT NULL' })
@Index('sessions_by_subject', ['clientId', 'subject', 'createdAt'], { where: 'closed_at IS NULL' })
@Index('sessions_by_parent', ['parentId', 'clientId'], { where: 'parent_id IS NOT NULL' })
@Index('sessions_revoked', ['expiresAt', 'clientId', 'sessionId'], { where: 'closed_at IS NOT NULL' })
@Index('sessions_forgettable', { synchronize: false })
@Check('sessions_origin_has_end', '(origin IS NULL) = (origin_until IS NULL)')
@Check('sessions_app_is_named_or_not', '(app_hash IS NULL) = (app_named IS NULL)')
export class SessionEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text' })
  clientId!: string;

  @PrimaryColumn({ name: 'session_id', type: 'uuid' })
  sessionId!: string;

  @Column({ name: 'subject', type: 'text' })
  subject!: string;

  /** The epoch the subject had when it was checked. */
  @Column({ name: 'epoch', type: 'int' })
  epoch!: number;

  /** The epoch the client had then. */
  @Column({ name: 'client_epoch', type: 'int' })
  clientEpoch!: number;

  /** The session it hangs on. */
  @Column({ name: 'parent_id', type: 'uuid', nullable: true })
  parentId!: string | null;

  @Column({ name: 'protocol', type: 'text' })
  protocol!: Session['protocol'];

  @Column({ name: 'scopes', type: 'jsonb' })
  scopes!: string[];

  /** The one-time credential that opened it: the fence of single use. */
  @Column({ name: 'origin', type: 'text', nullable: true })
  origin!: string | null;

  /** Until when the row must stay, whatever became of the session. */
  @Column({ name: 'origin_until', type: 'timestamptz', nullable: true })
  originUntil!: Date | null;

  /** The newest link of the refresh chain. */
  @Column({ name: 'generation', type: 'int', default: 0 })
  generation!: number;

  /** The MAC key the newest link was made with: a repeat must give the identical text. */
  @Column({ name: 'mac_key', type: 'text' })
  macKey!: string;

  @Column({ name: 'rotated_at', type: 'timestamptz', nullable: true })
  rotatedAt!: Date | null;

  /** What the last refresh was judged to be: `RETURNING` sees new values only, so the judgement is one of them. */
  @Column({ name: 'verdict', type: 'text', nullable: true })
  verdict!: string | null;

  /** SHA-256 of the app that alone may refresh it. */
  @Column({ name: 'app_hash', type: 'bytea', nullable: true })
  appHash!: Buffer | null;

  /** Whether that app must be named at every refresh. */
  @Column({ name: 'app_named', type: 'boolean', nullable: true })
  appNamed!: boolean | null;

  /** When its user was last asked who they are. */
  @Column({ name: 'auth_time', type: 'timestamptz' })
  authTime!: Date;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  @Column({ name: 'closed_at', type: 'timestamptz', nullable: true })
  closedAt!: Date | null;

  @Column({ name: 'close_reason', type: 'text', nullable: true })
  closeReason!: string | null;
}
