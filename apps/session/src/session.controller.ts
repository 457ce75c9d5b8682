import { Serve } from '#bus/serve';
import type { Received } from '#contracts/service';
import { session } from '#contracts/session';
import { Close } from './close.js';
import { List } from './list.js';
import { Open } from './open.js';
import { Read } from './read.js';
import { Refresh } from './refresh.js';
import { Snapshot } from './snapshot.js';

@Serve(session)
export class SessionController {
  constructor(
    private readonly opening: Open,
    private readonly reading: Read,
    private readonly refreshing: Refresh,
    private readonly closing: Close,
    private readonly listing: List,
    private readonly snapping: Snapshot,
  ) {}

  open(request: Received<typeof session.open>) {
    return this.opening.run(request);
  }

  read(request: Received<typeof session.read>) {
    return this.reading.run(request);
  }

  refresh(request: Received<typeof session.refresh>) {
    return this.refreshing.run(request);
  }

  close(request: Received<typeof session.close>) {
    return this.closing.run(request);
  }

  list(request: Received<typeof session.list>) {
    return this.listing.run(request);
  }

  snapshot(request: Received<typeof session.snapshot>) {
    return this.snapping.run(request);
  }
}
