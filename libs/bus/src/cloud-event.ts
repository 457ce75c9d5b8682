import { type Fact, factSubject } from '#contracts/fact';
import { headLine, headStart, headValue } from './head.js';

/** A fact on the wire: CloudEvents 1.0 in the binary mode of its NATS binding. */
export interface CloudEvent {
  readonly subject: string;
  /** Headers (`head.ts`). */
  readonly head: string;
  readonly body: string;
}

/** @param service who states the fact, e.g. `session`; `ce-source` becomes `segue/session` */
export function toCloudEvent(fact: Fact, service: string): CloudEvent {
  const { id, type, subject, at, clientId, traceparent, body } = fact;
  const trace = traceparent === null ? '' : headLine('ce-traceparent', traceparent);
  const ids = `${headLine('ce-id', id)}${headLine('ce-type', type)}${headLine('ce-source', `segue/${service}`)}`;
  const about = `${headLine('ce-subject', subject)}${headLine('ce-time', at)}${headLine('ce-clientid', clientId)}`;
  const rest = `content-type: application/json\r\n${headLine('Nats-Msg-Id', id)}\r\n`;
  const head = `${headStart}ce-specversion: 1.0\r\n${ids}${about}${trace}${rest}`;
  return { subject: factSubject(fact), head, body: JSON.stringify(body) };
}

/**
 * @param head headers as text
 * @throws Error when the message is no fact
 */
export function fromCloudEvent(head: string, body: string): Fact {
  const fact = {
    id: headValue(head, 'ce-id'),
    type: headValue(head, 'ce-type') as Fact['type'],
    clientId: headValue(head, 'ce-clientid'),
    subject: headValue(head, 'ce-subject'),
    at: headValue(head, 'ce-time'),
    traceparent: headValue(head, 'ce-traceparent') || null,
    body: JSON.parse(body) as Fact['body'],
  };
  const isOurs = headValue(head, 'ce-specversion') === '1.0';
  if (!isOurs || !fact.id || !fact.type || !fact.clientId || !fact.subject || !fact.at) {
    throw new Error('not a CloudEvent 1.0 of ours');
  }
  return fact;
}
