import { whoMay } from './who-may.mjs';

const api = '$JS.API';
const facts = 'segue.facts.v1';

/** deploy/nats.conf: one user per service, with exactly its subjects. */
export async function natsConf() {
  const may = await whoMay();
  const services = Object.entries(may);
  const users = [
    ...services.map(([name, each]) => user(name, permissionsOf(name, each, askersOf(each, services)))),
    user('segue', permissionsOf('segue', together(services.map(([, each]) => each)), [])),
    user('reader', reader(services.flatMap(([, { follows }]) => follows))),
    user('operator'),
  ];
  return `${head}\n${users.join('\n')}\n  ]\n}\n`;
}

const head = `# Generated from the contracts and tools/docs/who-may.mjs by \`npm run docs\`. Do not edit.
#
# One user per service, allowed exactly what it does; \`segue\` is all services as one process, \`reader\` follows facts and
# states none, \`operator\` is for people. Passwords come from the environment and begin with a letter: NATS would read
# another as a number. No service may use JetStream's API but for the subjects named here. --store_dir says where
# the stream is kept.
port: 4222
jetstream: enabled

authorization {
  timeout: 2
  users = [`;

/** Whoever asks one of its verbs gets its answers; each service's inboxes are its own. */
function askersOf({ serves }, services) {
  return services.filter(([, { asks }]) => asks.some((subject) => serves.includes(subject))).map(([name]) => name);
}

/** As one process the services ask each other in memory. */
function together(all) {
  const every = (name) => [...new Set(all.flatMap((may) => may[name]))];
  return {
    serves: [],
    asks: [],
    states: every('states'),
    hears: every('hears'),
    follows: every('follows'),
    beats: false,
    beatsOf: ['identity', 'token', 'session'],
    hearsBeats: true,
  };
}

function permissionsOf(name, { serves, asks, states, hears, follows, beats, beatsOf = [], hearsBeats }, askers) {
  return {
    publish: {
      allow: [
        ...asks,
        ...askers.map((asker) => `_INBOX_${asker}.>`),
        ...states.map((type) => `${facts}.*.${type}`),
        ...(beats ? [name] : beatsOf).map((service) => `segue.beat.${service}`),
        `${api}.STREAM.CREATE.FACTS`,
        ...(follows.length > 0 ? [`${api}.STREAM.INFO.FACTS`] : []),
        ...follows.flatMap(following),
      ],
    },
    subscribe: {
      allow: [
        `_INBOX_${name}.>`,
        // "subject queue": only as one of the service's replicas, so that nobody listens along.
        ...serves.map((subject) => `${subject} ${name}`),
        ...hears.map((type) => `${facts}.*.${type}`),
        ...(hearsBeats ? ['segue.beat.*'] : []),
      ],
    },
  };
}

function following({ durable, filter }) {
  return [
    `${api}.CONSUMER.CREATE.FACTS.${durable}.${facts}.${filter}`,
    `${api}.CONSUMER.INFO.FACTS.${durable}`,
    `${api}.CONSUMER.MSG.NEXT.FACTS.${durable}`,
    `$JS.ACK.FACTS.${durable}.>`,
  ];
}

/** Any consumer of its own, but none of a service. */
function reader(follows) {
  return {
    publish: {
      allow: [
        `${api}.INFO`,
        `${api}.STREAM.INFO.FACTS`,
        `${api}.CONSUMER.CREATE.FACTS.*.${facts}.>`,
        `${api}.CONSUMER.INFO.FACTS.*`,
        `${api}.CONSUMER.MSG.NEXT.FACTS.*`,
        `${api}.CONSUMER.DELETE.FACTS.*`,
        '$JS.ACK.FACTS.>',
      ],
      deny: follows.flatMap(({ durable }) => [
        `${api}.CONSUMER.CREATE.FACTS.${durable}.>`,
        `${api}.CONSUMER.MSG.NEXT.FACTS.${durable}`,
        `${api}.CONSUMER.DELETE.FACTS.${durable}`,
        `$JS.ACK.FACTS.${durable}.>`,
      ]),
    },
    subscribe: { allow: ['_INBOX_reader.>'] },
  };
}

function user(name, permissions) {
  const login = `      user: ${name}, password: $NATS_${name.toUpperCase()}_PASSWORD`;
  if (!permissions) return `    {\n${login}\n    }`;
  const { publish, subscribe } = permissions;
  return [
    '    {',
    login,
    '      permissions: {',
    ...rules('publish', publish),
    ...rules('subscribe', subscribe),
    '      }',
    '    }',
  ].join('\n');
}

function rules(what, lists) {
  const lines = Object.entries(lists).flatMap(([rule, subjects]) => [
    `          ${rule}: [`,
    ...subjects.map((each) => `            "${each}"`),
    '          ]',
  ]);
  return [`        ${what}: {`, ...lines, '        }'];
}
