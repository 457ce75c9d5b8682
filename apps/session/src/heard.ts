import { Injectable } from '@nestjs/common';
import type { Following } from '#bus/follow';

/** What this replica follows, and whether everything stated so far has been handled. */
@Injectable()
export class Heard {
  readonly #followings: Following[] = [];

  add(followings: readonly Following[]): void {
    this.#followings.push(...followings);
  }

  /**
   * Resolves once whatever was stated before has been handled, by this replica or another.
   *
   * @throws Fault `service.unavailable`, `service.busy`
   */
  async caughtUp(): Promise<void> {
    await Promise.all(this.#followings.map((following) => following.caughtUp()));
  }
}
