import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Fault } from '#contracts/fault';
import { withParameters } from '../http/landing.js';
import { ClientSettings } from './client-settings.js';

/** Our own sign-in page, for clients we do not know. */
const plainLogin = '/login';

/** What is told of a link that does not sign in. */
export const refusedLink = z
  .object({
    message: z.string(),
    code: z.enum(['invalid_token', 'account_suspended']),
    support: z.string().describe('under this id the audit trail names the precise reason and what to do about it'),
  })
  .meta({ id: 'RefusedLink' });
export type RefusedLink = z.output<typeof refusedLink>;

/** Where a browser goes with a link that does not sign in. */
@Injectable()
export class LoginPage {
  constructor(private readonly settings: ClientSettings) {}

  async of(clientId: string, { code, support }: RefusedLink): Promise<string> {
    // The refusal stands: whatever keeps us from the client's settings only costs its own page.
    const settings = await this.settings.find(clientId).catch(() => null);
    return withParameters(settings?.loginUrl ?? plainLogin, { error: code, support });
  }
}

/**
 * A refusal in the words of protocol 000, or `null` for any other failure. Two codes are seen outside; the precise
 * reason stands in the audit trail under the support id.
 */
export function refusalOf(error: unknown, support: string): RefusedLink | null {
  if (!(error instanceof Fault) || error.entry.kind !== 'denied') return null;
  const told = new Fault(error.code === 'account.suspended' ? 'account.suspended' : 'link.refused');
  return {
    message: told.entry.says,
    code: told.code === 'account.suspended' ? 'account_suspended' : 'invalid_token',
    support,
  };
}
