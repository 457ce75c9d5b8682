import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One `next` and one `current` key at most: the index says so, whatever two replicas try. */
@Entity('signing_keys')
@Check('signing_keys_state_check', `state IN ('next', 'current', 'retired')`)
@Index('signing_keys_state', ['state'], { unique: true, where: `state <> 'retired'` })
export class SigningKeyEntity {
  /** The JWK thumbprint (RFC 7638). */
  @PrimaryColumn('text')
  kid!: string;

  @Column('text')
  state!: 'next' | 'current' | 'retired';

  /** The private key under `SEAL_KEYS`; `null` once it signs no more. */
  @Column('text', { nullable: true })
  sealed!: string | null;

  /** The public key as the `x` of its JWK. */
  @Column('text')
  x!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  /** When it begins to sign; may lie ahead (publish before use). */
  @Column('timestamptz', { name: 'activated_at', nullable: true })
  activatedAt!: Date | null;

  @Column('timestamptz', { name: 'verifies_until', nullable: true })
  verifiesUntil!: Date | null;
}
