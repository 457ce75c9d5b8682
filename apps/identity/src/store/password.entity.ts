import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { UserEntity } from './user.entity.js';

/** What a user proves themselves by. */
@Entity('passwords')
@ForeignKey(() => UserEntity, ['clientId', 'userId'], ['clientId', 'userId'], {
  name: 'passwords_user_fkey',
  onDelete: 'CASCADE',
})
export class PasswordEntity {
  @PrimaryColumn({ name: 'client_id', type: 'text', collation: 'C' })
  clientId!: string;

  @PrimaryColumn({ name: 'user_id', type: 'uuid' })
  userId!: string;

  /** A PHC string of argon2id. */
  @Column({ type: 'text' })
  hash!: string;
}
