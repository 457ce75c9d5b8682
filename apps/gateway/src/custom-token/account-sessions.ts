import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import { type SessionView, session } from '#contracts/session';
import type { Account } from './current-account.js';

type Of = Pick<Account, 'clientId' | 'userId'>;

/** The sessions of a user that this protocol has opened. */
@Injectable()
export class AccountSessions {
  constructor(private readonly bus: Bus) {}

  /** Newest first. */
  async list({ clientId, userId }: Of): Promise<SessionView[]> {
    const { items } = await this.bus.ask(session.list, { clientId, userId });
    return items.filter(({ protocol }) => protocol === 'custom-token');
  }

  /** @param id of a session, or `current` @throws Fault `session.missing` */
  async get(account: Account, id: string): Promise<SessionView> {
    const sessionId = id === 'current' ? account.sessionId : id;
    const found = (await this.list(account)).find((each) => each.sessionId === sessionId);
    if (!found) throw new Fault('session.missing');
    return found;
  }

  /** @throws Fault `session.missing` @returns whether it was the one that asked */
  async end(account: Account, id: string): Promise<boolean> {
    const { clientId, sessionId, subject } = await this.get(account, id);
    await this.bus.ask(session.close, { clientId, sessionId, subject, reason: 'signed_out' });
    return sessionId === account.sessionId;
  }

  /** All that the user has open, by whatever protocol: whoever signs out everywhere means it. */
  async endAll({ clientId, userId }: Of): Promise<void> {
    await this.bus.ask(session.close, { clientId, subject: userId, reason: 'signed_out' });
  }
}
