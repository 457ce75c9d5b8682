import type { ConnectionOptions } from '@nats-io/transport-node';

/** A URL as nats.js takes it: the account as options, and with inboxes that it may listen to. */
export function asOptions(url: string): ConnectionOptions {
  const { host: servers, username: user, password: pass } = new URL(url);
  return { servers, ...(user && { user, pass, inboxPrefix: `_INBOX_${user}` }) };
}
