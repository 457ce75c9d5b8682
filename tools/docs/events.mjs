import { z } from 'zod';
import { built, code, page, table } from './page.mjs';

/** What each header of a fact says; a new one must be explained here. */
const headers = {
  'ce-specversion': 'version of CloudEvents',
  'ce-id': 'id of the fact, a UUID; the same fact may arrive again under the same id',
  'ce-type': 'what happened: a type of the table below',
  'ce-source': 'who states it',
  'ce-subject': 'the thing it is about; the facts of one subject arrive in their order',
  'ce-time': 'when it happened, ISO 8601, UTC',
  'ce-clientid': 'whose user, session or key it is; `_` where the client is not known',
  'ce-traceparent': 'W3C trace of the request that caused it, where there was one',
  'content-type': 'form of the body',
  'Nats-Msg-Id': 'the same as `ce-id`: by it the stream drops what is published again within two minutes',
};

export async function eventsPage() {
  const { facts, factSubject } = await built('libs/contracts/src/fact.js');
  const reasons = await reasonLists();
  return page(
    'Facts',
    { from: '`libs/contracts/src/fact.ts`' },
    `What happened, in the past tense, on the JetStream stream \`FACTS\`: CloudEvents 1.0 in the binary mode of its NATS binding.
A fact is stored with the change it tells of and arrives at least once, so consumers are idempotent by \`ce-id\`; order holds
within one \`ce-subject\`. Bodies carry ids and the names of changed fields, never an e-mail, a name, a handle or a secret;
\`address\` is a keyed hash of the network address, and \`userId\` is \`key_<keyId>\` where a backend speaks for itself. New types
and new members may come at any time: ignore what you do not know.

The same as an AsyncAPI 3.0 document: [asyncapi.json](asyncapi.json). How a service follows them: [subscribe.md](subscribe.md).`,
    '## Headers',
    table(
      ['Header', 'Example', 'Meaning'],
      (await sampleHeaders()).map(({ name, example, meaning }) => [code(name), code(example), meaning]),
    ),
    `## Types

Each is published under ${code(factSubject({ clientId: '<clientId>', type: '<type>' }))}, e.g. ${code(factSubject({ clientId: 'acme0001', type: 'user.merged' }))}; the client is
${code('_')} where it is not known.`,
    table(
      ['Type (`ce-type`)', 'Meaning', 'Body'],
      Object.entries(facts).map(([type, schema]) => [
        code(type),
        schema.description,
        bodyOf(z.toJSONSchema(schema), reasons),
      ]),
    ),
  );
}

/** The headers of a fact, as one carries them. */
export async function sampleHeaders() {
  const { toCloudEvent } = await built('libs/bus/src/cloud-event.js');
  const sample = {
    id: '0199d1c2-7a3e-7b10-9f2d-3c5a8e1b4d60',
    type: 'session.opened',
    clientId: 'acme0001',
    subject: 'session/0199d1c2-7a3e-7b10-9f2d-2b4f7d0a3c51',
    at: '2026-01-31T12:00:00.000Z',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    body: {},
  };
  const [, ...lines] = toCloudEvent(sample, 'session').head.trimEnd().split('\r\n');
  return lines.map((line) => {
    const [name, example] = line.split(': ', 2);
    if (!headers[name]) throw new Error(`the header ${name} is not explained`);
    return { name, example, meaning: headers[name] };
  });
}

function bodyOf({ properties, required = [] }, reasons) {
  const members = Object.entries(properties).map(([name, schema]) => {
    const optional = required.includes(name) ? '' : ', optional';
    return `${code(name)} (${typeOf(schema, reasons)}${optional})`;
  });
  return members.join(', ') || 'empty';
}

function typeOf({ type, items, enum: values, anyOf }, reasons) {
  if (anyOf) return anyOf.map((each) => typeOf(each, reasons)).join(' or ');
  if (values) return reasons.get(values.join()) ?? values.map(code).join(', ');
  return type === 'array' ? `list of ${typeOf(items, reasons)}` : type;
}

/** Reasons that another page lists with advice, by what stands in the schema. */
async function reasonLists() {
  const { claimRefusals, linkRefusals, passwordRefusals } = await built('libs/contracts/src/refusal.js');
  const lists = { link: linkRefusals, 'code-or-token': claimRefusals, password: passwordRefusals };
  return new Map(
    Object.entries(lists).map(([what, list]) => [
      Object.keys(list).join(),
      `a [reason](faults.md#why-a-${what}-was-refused)`,
    ]),
  );
}
