import { Serve } from '#bus/serve';
import { identity } from '#contracts/identity';
import type { Received } from '#contracts/service';
import { Arrive } from './arrive.js';
import { GetUser } from './get-user.js';

@Serve(identity)
export class IdentityController {
  constructor(
    private readonly arrivals: Arrive,
    private readonly users: GetUser,
  ) {}

  arrive(request: Received<typeof identity.arrive>) {
    return this.arrivals.run(request);
  }

  get(request: Received<typeof identity.get>) {
    return this.users.run(request);
  }
}
