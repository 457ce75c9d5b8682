import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { UserEntity } from './user.entity.js';

/** What a user proves themselves by besides the password (TOTP, RFC 6238). */
@Entity('second_factors')
@ForeignKey(() => UserEntity, ['clientId', 'userId'], ['clientId', 'userId'], {
  name: 'second_factors_user_fkey',
  onDelete: 'CASCADE',
})
export class SecondFactorEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @PrimaryColumn({ name: 'user_id', type: 'uuid' })
  userId!: string;

  /** The secret under `SEAL_KEYS`, bound to client and user. */
  @Column({ type: 'text' })
  sealed!: string;

  /** The newest step whose code was taken: it and those before are not taken again. */
  @Column({ name: 'last_step', type: 'bigint', default: 0 })
  lastStep!: string;
}
