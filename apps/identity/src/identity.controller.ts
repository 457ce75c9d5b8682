import { Serve } from '#bus/serve';
import { identity } from '#contracts/identity';
import type { Received } from '#contracts/service';
import { Arrive } from './arrive.js';
import { CheckPassword } from './check-password.js';
import { GetUser } from './get-user.js';
import { StartAnonymous } from './start-anonymous.js';

@Serve(identity)
export class IdentityController {
  constructor(
    private readonly arrivals: Arrive,
    private readonly anonymous: StartAnonymous,
    private readonly users: GetUser,
    private readonly passwords: CheckPassword,
  ) {}

  arrive(request: Received<typeof identity.arrive>) {
    return this.arrivals.run(request);
  }

  startAnonymous(request: Received<typeof identity.startAnonymous>) {
    return this.anonymous.run(request);
  }

  get(request: Received<typeof identity.get>) {
    return this.users.run(request);
  }

  checkPassword(request: Received<typeof identity.checkPassword>) {
    return this.passwords.run(request);
  }
}
