import { Serve } from '#bus/serve';
import { audit } from '#contracts/audit';
import type { Received } from '#contracts/service';
import { List } from './list.js';
import { Verify } from './verify.js';

@Serve(audit)
export class AuditController {
  constructor(
    private readonly entries: List,
    private readonly chain: Verify,
  ) {}

  list(request: Received<typeof audit.list>) {
    return this.entries.run(request);
  }

  verify(request: Received<typeof audit.verify>) {
    return this.chain.run(request);
  }
}
