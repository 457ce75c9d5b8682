import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { LinkCheck } from './clients/link-check.js';
import { newHandle } from './domain/parked-link.js';
import { ParkedLinkStore } from './store/parked-link.store.js';

/** Long enough for a redirect. */
const lifeSeconds = 60;

/** Keeps a link for the request that follows: a cross-site POST goes on as a GET (state.md, "A link"). */
@Injectable()
export class Park {
  constructor(
    private readonly links: LinkCheck,
    private readonly parked: ParkedLinkStore,
  ) {}

  async run(request: Received<typeof token.park>): Promise<Reply<typeof token.park>> {
    const checked = await this.links.check(request);
    const handle = newHandle(randomBytes);
    await this.parked.save(handle, 'reason' in checked ? checked : request, lifeSeconds);
    return { handle };
  }
}
