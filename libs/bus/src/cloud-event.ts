import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { type Fact, factSubject } from '#contracts/fact';

/** A fact on the wire: CloudEvents 1.0 in the binary mode of its NATS binding. */
export interface CloudEvent {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly body: string;
}

/** @param service who states the fact, e.g. `session`; `ce-source` becomes `segue/session` */
export function toCloudEvent(fact: Fact, service: string): CloudEvent {
  const head = headers();
  head.set('ce-specversion', '1.0');
  head.set('ce-id', fact.id);
  head.set('ce-type', fact.type);
  head.set('ce-source', `segue/${service}`);
  head.set('ce-subject', fact.subject);
  head.set('ce-time', fact.at);
  head.set('ce-clientid', fact.clientId);
  if (fact.traceparent !== null) head.set('ce-traceparent', fact.traceparent);
  head.set('content-type', 'application/json');
  return { subject: factSubject(fact), headers: head, body: JSON.stringify(fact.body) };
}

/** @throws Error when the message is no fact */
export function fromCloudEvent(head: MsgHdrs | undefined, body: string): Fact {
  const attribute = (name: string) => head?.get(`ce-${name}`) ?? '';
  const fact = {
    id: attribute('id'),
    type: attribute('type') as Fact['type'],
    clientId: attribute('clientid'),
    subject: attribute('subject'),
    at: attribute('time'),
    traceparent: attribute('traceparent') || null,
    body: JSON.parse(body) as Fact['body'],
  };
  if (attribute('specversion') !== '1.0' || !fact.id || !fact.type || !fact.clientId || !fact.subject || !fact.at) {
    throw new Error('not a CloudEvent 1.0 of ours');
  }
  return fact;
}
