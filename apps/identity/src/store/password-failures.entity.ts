import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often somebody failed to be the one of an e-mail, whether or not anybody bears it. */
@Entity('password_failures')
@Index('password_failures_latest', ['latest'], { where: 'in_a_row < 100' })
export class PasswordFailuresEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  /** SHA-256 of the e-mail in its normal form. */
  @PrimaryColumn({ type: 'bytea' })
  whom!: Buffer;

  /** Those that count for the hour: failures, and tries that are being judged. */
  @Column({ name: 'failed_at', type: 'timestamptz', array: true })
  failedAt!: Date[];

  /** Since the last success; a hundred are a lock that only an administrator takes away. */
  @Column({ name: 'in_a_row', type: 'integer' })
  inARow!: number;

  /** When the last try was counted. */
  @Column({ type: 'timestamptz' })
  latest!: Date;
}
