import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('clients')
@Check('clients_status_check', `status IN ('active', 'suspended')`)
@Index('clients_once_suspended', ['clientId'], { where: 'epoch > 0' })
@Index('clients_listed', ['listed'], { type: 'gin' })
export class ClientEntity {
  @PrimaryColumn('text', { name: 'client_id', collation: 'C' })
  clientId!: string;

  @Column('text')
  name!: string;

  @Column('text', { default: 'active' })
  status!: 'active' | 'suspended';

  /** Raised by suspension: what was opened on an older epoch dies (state.md, "A user"). */
  @Column('integer', { default: 0 })
  epoch!: number;

  /** As validated; read through the schema again, so that a member added later has its default. */
  @Column('jsonb')
  settings!: unknown;

  /** What the settings list (`listedNames`), to be found by. */
  @Column('text', { array: true, default: [] })
  listed!: string[];

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
