// A process that specs kill: writes facts of a few aggregates and relays them, naming each fact once it is committed.
import { writeSync } from 'node:fs';
import { Pool } from 'pg';
import { openSpecLine } from '#bus/replica.support';
import { Secret } from '#env/secret';
import { poolOptions } from '#postgres/data-source';
import { Postgres } from '#postgres/postgres';
import { Outbox } from './outbox.js';
import { Relay } from './relay.js';

const [schema = '', postgresUrl = '', natsUrl = ''] = process.argv.slice(2);

const postgres = new Postgres(new Pool(poolOptions({ schema, url: new Secret(postgresUrl) })));
const line = openSpecLine(new Secret(natsUrl));
await line.connection.ready;
const outbox = new Outbox();
new Relay('spec', outbox, postgres, line.facts, line.feed, line.log).onApplicationBootstrap();

for (let n = 0; ; n += 1) {
  const userId = String(n % 5);
  const name = `${process.pid}-${n}`;
  await postgres.transaction((tx) =>
    outbox.write(tx, [
      { type: 'user.updated', clientId: 'acmeacme', subject: `user/${userId}`, body: { userId, fields: [name] } },
    ]),
  );
  outbox.kick();
  writeSync(1, `${name}\n`);
}
