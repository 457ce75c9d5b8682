// For specs only: the service on a real Postgres, without its bus.
import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { FaultCode } from '#contracts/fault';
import type { Received } from '#contracts/service';
import type { session } from '#contracts/session';
import { createLog } from '#log/log';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import type { Postgres } from '#postgres/postgres';
import { parseKeyRing } from '#secrets/key-ring';
import { Close } from './close.js';
import { Credentials } from './domain/credential.js';
import { Heard } from './heard.js';
import { List } from './list.js';
import { Open } from './open.js';
import { Read } from './read.js';
import { Refresh } from './refresh.js';
import { SessionController } from './session.controller.js';
import { Snapshot } from './snapshot.js';
import { RevocationStore } from './store/revocation.store.js';
import type { SessionsStore } from './store/sessions.store.js';
import { newClient } from './store/testing.js';

const log = createLog({ service: 'session', level: 'silent' });

/** A MAC key as the environment has it. */
export const macKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

export const credentials = (keys: string) => new Credentials(parseKeyRing(keys));

/** @param keys as in `REFRESH_MAC_KEYS` */
export function service(postgres: Postgres, sessions: SessionsStore, keys: string): SessionController {
  const made = credentials(keys);
  const outbox = new Outbox();
  const refusals = new Refusals(new GroupedFacts(postgres, outbox), log);
  return new SessionController(
    new Open(made, sessions, refusals, outbox),
    new Read(made, sessions),
    new Refresh(made, sessions, refusals, outbox),
    new Close(made, sessions, outbox),
    new List(sessions),
    new Snapshot(new RevocationStore(postgres), new Heard()),
  );
}

export const attempt = { support: 'abcdefghij', address: '0123456789abcdef' };

export type Asked = Received<typeof session.open>;

export const link = (given: Partial<Asked> = {}): Asked => ({
  sessionId: randomUUID(),
  clientId: newClient(),
  subject: randomUUID(),
  epoch: 0,
  protocol: 'api-link',
  origin: `link:${randomUUID()}`,
  originUntil: Math.floor(Date.now() / 1000) + 90_000,
  switchUser: 'replace',
  lifetimeSeconds: 900,
  scopes: [],
  credential: 'cookie',
  link: { secretId: 'abcdefghijkl', callback: 'taken' },
  attempt,
  ...given,
});

/** What no link opened. */
export function unlinked(given: Partial<Asked> & Pick<Asked, 'protocol'>): Asked {
  const { link: _, ...request } = link(given);
  return request;
}

export const key002 = (): Asked =>
  unlinked({
    protocol: 'client-auth',
    origin: null,
    originUntil: null,
    credential: 'refresh',
    subject: 'key_abcdefghijkl',
    scopes: ['users.read'],
  });

/** The door of protocol 002. */
export const door = { protocols: ['client-auth' as const], attempt };

export const fault = (code: FaultCode) => expect.objectContaining({ name: 'Fault', code });
