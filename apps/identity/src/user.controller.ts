import { Serve } from '#bus/serve';
import { user } from '#contracts/identity';
import type { Received } from '#contracts/service';
import { CreateUser } from './create-user.js';
import { ListUsers } from './list-users.js';
import { SecondFactors } from './second-factors.js';
import { UpdateUser } from './update-user.js';
import { UserStanding } from './user-standing.js';

@Serve(user)
export class UserController {
  constructor(
    private readonly creation: CreateUser,
    private readonly users: ListUsers,
    private readonly changes: UpdateUser,
    private readonly standing: UserStanding,
    private readonly factors: SecondFactors,
  ) {}

  create(request: Received<typeof user.create>) {
    return this.creation.run(request);
  }

  list(request: Received<typeof user.list>) {
    return this.users.run(request);
  }

  update(request: Received<typeof user.update>) {
    return this.changes.run(request);
  }

  suspend(request: Received<typeof user.suspend>) {
    return this.standing.suspend(request);
  }

  restore(request: Received<typeof user.restore>) {
    return this.standing.restore(request);
  }

  startTotp(request: Received<typeof user.startTotp>) {
    return this.factors.start(request);
  }

  stopTotp(request: Received<typeof user.stopTotp>) {
    return this.factors.stop(request);
  }

  unlock(request: Received<typeof user.unlock>) {
    return this.standing.unlock(request);
  }

  erase(request: Received<typeof user.erase>) {
    return this.standing.erase(request);
  }
}
