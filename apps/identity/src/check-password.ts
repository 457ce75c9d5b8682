import { Injectable } from '@nestjs/common';
import { currentCall, newCall, withCall } from '#bus/call';
import { Fault } from '#contracts/fault';
import type { identity } from '#contracts/identity';
import type { Attempt } from '#contracts/ids';
import { normalEmail } from '#contracts/person';
import type { PasswordRefusal } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import { Log } from '#log/log';
import { Refusals } from '#outbox/refusals';
import { userView } from './domain/identity.js';
import { isOutdated, readHash } from './domain/password-hash.js';
import { PasswordHashing } from './password-hashing.js';
import { type Counted, type Holder, PasswordsStore } from './store/passwords.store.js';
import { Totp } from './totp.js';

type Answer = Reply<typeof identity.checkPassword>;

/**
 * Who signs in with e-mail, password and, where the user has one, a second factor. A try stands on the books as a failure
 * before it is judged, also one about nobody, and is taken off them where it was none: so a burst is never judged more
 * often than the budget allows, and being locked tells nobody whether there is somebody (S-65, S-72).
 *
 * The right password without the second factor is taken back, since an app asks for it that way, but ends no row of
 * failures: else who knows the password could guess at codes without end.
 */
@Injectable()
export class CheckPassword {
  constructor(
    private readonly passwords: PasswordsStore,
    private readonly hashing: PasswordHashing,
    private readonly totp: Totp,
    private readonly refusals: Refusals,
    private readonly log: Log,
  ) {}

  async run({ clientId, username, password, totp, attempt }: Received<typeof identity.checkPassword>): Promise<Answer> {
    const email = normalEmail(username);
    const trying = { clientId, name: email?.key ?? username, isEmail: email !== null };
    const { counted, holder } = await this.passwords.begin(trying);
    const refuse = (reason: PasswordRefusal) => this.refuse(clientId, reason, attempt, holder?.user.userId);
    if (!counted) {
      await this.hashing.pretend();
      return refuse('locked');
    }

    const right = await this.judge(password, holder, counted);
    if (!holder?.hash) return refuse('unknown');
    if (!right) return refuse('wrong');
    if (holder.factor !== null && !totp) {
      await settle(() => this.passwords.takeBack(counted));
      throw new Fault('totp.required');
    }
    if (holder.factor !== null && !(await this.claimCode(holder.user, holder.factor, totp)))
      return refuse('totp_wrong');

    await settle(() => this.passwords.succeed(counted));
    await this.renew(holder, holder.hash, password);
    if (holder.user.status === 'suspended') return refuse('suspended');
    return { user: userView(holder.user), epoch: holder.user.epoch };
  }

  /** What could not be judged was no failure. */
  private async judge(password: string, holder: Holder | null, counted: Counted): Promise<boolean> {
    try {
      return await this.hashing.matches(password, holder?.hash ?? null);
    } catch (error) {
      await settle(() => this.passwords.takeBack(counted));
      throw error;
    }
  }

  private async claimCode(user: Holder['user'], factor: string, code = ''): Promise<boolean> {
    const step = this.totp.stepOf(code, factor, user, Date.now());
    return step !== null && this.passwords.claimStep(user, factor, step);
  }

  /** The cost was raised since: only now is the password here to be hashed anew. Whoever signs in needs not care. */
  private async renew({ user }: Holder, hash: string, password: string): Promise<void> {
    if (!isOutdated(readHash(hash))) return;
    try {
      await this.passwords.renew(user, hash, await this.hashing.hash(password));
    } catch (err) {
      this.log.warn('a password keeps its old hash until the next sign-in', { userId: user.userId, err });
    }
  }

  private async refuse(clientId: string, reason: PasswordRefusal, attempt: Attempt, userId?: string): Promise<never> {
    const { support, address } = attempt;
    const body = { support, reason, address, ...(userId !== undefined && { userId }) };
    await this.refusals.record({ type: 'password.refused', clientId, subject: `attempt/${support}`, body }, attempt);
    throw new Fault(reason === 'suspended' ? 'account.suspended' : 'password.refused');
  }
}

/** The books are put right also where the caller waits no more: a busy service locks nobody out. */
function settle(correct: () => Promise<void>): Promise<void> {
  return withCall(newCall(Date.now(), 1000, currentCall()?.traceparent), correct);
}
