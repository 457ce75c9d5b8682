import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { identity, type UserView, user } from '#contracts/identity';
import { externalId } from '#contracts/ids';
import type { NewUser } from './custom-token.schema.js';

/** The users of a project, by their client's own id. */
@Injectable()
export class ProjectUsers {
  constructor(private readonly bus: Bus) {}

  /** @throws Fault `user.already_exists`, `user.email_already_exists`, `request.invalid` */
  create(clientId: string, { userId, email, password, name }: NewUser): Promise<UserView> {
    return this.bus.ask(user.create, {
      clientId,
      externalId: userId === 'unique()' ? randomBytes(10).toString('hex') : userId,
      // What is empty is not given.
      ...(email && { email }),
      ...(password && { password }),
      ...(name && { username: name }),
    });
  }

  /** @throws Fault `user.missing` */
  async get(clientId: string, id: string) {
    const known = externalId.safeParse(id).success
      ? await this.bus.ask(identity.get, { clientId, externalId: id })
      : null;
    if (!known) throw new Fault('user.missing');
    return known;
  }

  /**
   * For what lets somebody in.
   *
   * @throws Fault `user.missing`, `account.suspended`
   */
  async getActive(clientId: string, id: string) {
    const known = await this.get(clientId, id);
    if (known.user.status === 'suspended') throw new Fault('account.suspended');
    return known;
  }
}
