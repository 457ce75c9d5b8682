import { argon2, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { equalInConstantTime } from '#secrets/digest';
import { type Cost, presentCost, readHash, writeHash } from './domain/password-hash.js';
import { Turns } from './turns.js';

const compute = promisify(argon2);
const digestBytes = 32;

/** Nobody's password, at the cost of everybody's. */
const nobodys = { cost: presentCost, salt: Buffer.alloc(16), digest: Buffer.alloc(digestBytes) };

/**
 * argon2id on libuv's threads: three at a time, so that one of its four stays free for what else needs one, and 60 MiB at
 * most. About sixty waiting are what can be computed while a caller waits; more are told that the service is busy.
 */
export class PasswordHashing {
  private lastMs = 30;

  constructor(private readonly turns = new Turns(3, 60)) {}

  /**
   * @returns a PHC string
   * @throws Fault `service.busy`
   */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    return writeHash({ cost: presentCost, salt, digest: await this.digest(password, salt, presentCost, digestBytes) });
  }

  /**
   * Whether it is the password of the hash; without one nobody's is tried, which takes as long.
   *
   * @throws Fault `service.busy` nothing was tried
   */
  async matches(password: string, hash: string | null): Promise<boolean> {
    const { cost, salt, digest } = hash === null ? nobodys : readHash(hash);
    const computed = await this.digest(password, salt, cost, digest.length);
    // Lone surrogates, which no password has, would be computed as U+FFFD.
    return equalInConstantTime(computed, digest) && hash !== null && password.isWellFormed();
  }

  /** Takes as long as a password took just now, without the work: a flood at a locked door costs nothing. */
  async pretend(): Promise<void> {
    await sleep(this.lastMs);
  }

  private async digest(password: string, nonce: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
    const began = performance.now();
    const digest = await this.turns.take(() => compute('argon2id', { message: password, nonce, tagLength, ...cost }));
    this.lastMs = performance.now() - began;
    return digest;
  }
}
