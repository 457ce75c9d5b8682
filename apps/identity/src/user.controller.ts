import { Serve } from '#bus/serve';
import { user } from '#contracts/identity';
import type { Received } from '#contracts/service';
import { CreateUser } from './create-user.js';
import { ListUsers } from './list-users.js';

@Serve(user)
export class UserController {
  constructor(
    private readonly creation: CreateUser,
    private readonly users: ListUsers,
  ) {}

  create(request: Received<typeof user.create>) {
    return this.creation.run(request);
  }

  list(request: Received<typeof user.list>) {
    return this.users.run(request);
  }
}
